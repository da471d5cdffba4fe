package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// Time is a timestamp as the JSON protocol has it: seconds since 1970 as a
// number, with three decimals.
type Time struct{ time.Time }

// At gives a timestamp, nil for the zero time, so that `omitempty` leaves it out.
func At(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// MarshalJSON writes epoch seconds.
func (t Time) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t.UnixMilli())/1000, 'f', -1, 64), nil
}

// UnmarshalJSON reads epoch seconds; milliseconds are kept, anything finer is
// cut off.
func (t *Time) UnmarshalJSON(data []byte) error {
	var seconds float64
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&seconds); err != nil {
		return err
	}
	t.Time = time.UnixMilli(int64(seconds*1000 + 0.5)).UTC()
	return nil
}
