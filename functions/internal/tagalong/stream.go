package tagalong

import (
	"time"
)

func StatedTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
