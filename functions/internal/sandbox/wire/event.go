package wire

import (
	"encoding/json"
	"time"
)

// How AWS's events write times.
const (
	Seconds      = "2006-01-02T15:04:05Z"
	Milliseconds = "2006-01-02T15:04:05.000Z"
)

// Event is what a service tells EventBridge.
type Event struct {
	Scope
	ID         string
	DetailType string
	Source     string
	Time       time.Time
	Resources  []string
	Detail     any
}

// Delivered is the event as EventBridge delivers it, its time in whole seconds,
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html.
func (e Event) Delivered() []byte {
	data, _ := json.Marshal(struct { // details are our own structs, or known to be JSON
		Version    string   `json:"version"`
		ID         string   `json:"id"`
		DetailType string   `json:"detail-type"`
		Source     string   `json:"source"`
		Account    string   `json:"account"`
		Time       string   `json:"time"`
		Region     string   `json:"region"`
		Resources  []string `json:"resources"`
		Detail     any      `json:"detail"`
	}{"0", e.ID, e.DetailType, e.Source, e.Account, e.Time.UTC().Format(Seconds), e.Region, e.Resources, e.Detail})
	return data
}
