package ledger

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// RunningRecord is what runs of a service, in its environment. Of a family of standalone
// tasks it is what runs and what ran last, Since when that is so.
type RunningRecord struct {
	Service        tagalong.Service
	Environment    string
	Deployment     string
	TaskDefinition string
	Since          time.Time
	RollingOut     string // the deployment in progress beside it, "" for none
	Release        tagalong.Release
	Rollback       bool // it came back by a rollback
	Containers     []Placed
	// Joined is when the service came into the environment while this ran; zero
	// if it was there when this completed.
	Joined time.Time
	// CompleteSince is the time from which on the ledger knows the service.
	CompleteSince time.Time
}

// Placed is a running container and the tags it claims.
type Placed struct {
	tagalong.Container
	Tags    []string
	PutOnce []string // {time} tags: without an item of their own they have been put
	// Foreign is set where the service may not tag the image, as the rules and accounts
	// were when the row was written.
	Foreign bool
	// Idle, Since and LastRan are of what is no service, as of a placement: of that each image
	// has its own times.
	Idle    bool
	Since   time.Time
	LastRan time.Time
}

// PastRecord says that a service left an environment, and what it ran there last.
type PastRecord struct {
	RunningRecord
	Until   time.Time
	Expires time.Time
}
