package dynamo

import (
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// containerItem is a container, in rollouts, running records, placements and heads.
type containerItem struct {
	Name       string   `dynamodbav:"name"`
	Registry   string   `dynamodbav:"registry,omitempty"`
	Repository string   `dynamodbav:"repository,omitempty"`
	ImageTag   string   `dynamodbav:"imageTag,omitempty"`
	Digest     string   `dynamodbav:"digest,omitempty"`
	Index      string   `dynamodbav:"index,omitempty"`
	Evidence   string   `dynamodbav:"evidence"`
	Disputed   bool     `dynamodbav:"disputed,omitempty"`
	Added      bool     `dynamodbav:"added,omitempty"`
	Commit     string   `dynamodbav:"commit,omitempty"`
	KnownTag   string   `dynamodbav:"knownTag,omitempty"`
	Read       bool     `dynamodbav:"read,omitempty"`
	Tags       []string `dynamodbav:"tags,omitempty"`
	Once       []string `dynamodbav:"once,omitempty"`
	Foreign    bool     `dynamodbav:"foreign,omitempty"`
	Idle       bool     `dynamodbav:"idle,omitempty"`
	Since      string   `dynamodbav:"since,omitempty"`
	LastRan    string   `dynamodbav:"lastRan,omitempty"`
}

func toContainer(c tagalong.Container) containerItem {
	return containerItem{
		Name:       c.Name,
		Registry:   c.Image.Registry,
		Repository: c.Image.Name,
		ImageTag:   c.ImageTag,
		Digest:     c.Digest.String(),
		Index:      c.Index.String(),
		Evidence:   string(c.Evidence),
		Disputed:   c.Disputed,
		Added:      c.Added,
		Commit:     c.Commit,
		KnownTag:   c.KnownTag,
		Read:       c.Read,
	}
}

func (i containerItem) container() tagalong.Container {
	return tagalong.Container{
		Name:     i.Name,
		Image:    tagalong.Repository{Registry: i.Registry, Name: i.Repository},
		ImageTag: i.ImageTag,
		Digest:   digest.Digest(i.Digest),
		Index:    digest.Digest(i.Index),
		Evidence: tagalong.Evidence(i.Evidence),
		Disputed: i.Disputed,
		Added:    i.Added,
		Commit:   i.Commit,
		KnownTag: i.KnownTag,
		Read:     i.Read,
	}
}

func toPlaced(p ledger.Placed) containerItem {
	i := toContainer(p.Container)
	i.Tags, i.Once, i.Foreign = p.Tags, p.PutOnce, p.Foreign
	i.Idle, i.Since, i.LastRan = p.Idle, formatTime(p.Since), formatTime(p.LastRan)
	return i
}

func (i containerItem) placed() ledger.Placed {
	return ledger.Placed{
		Container: i.container(), Tags: i.Tags, PutOnce: i.Once, Foreign: i.Foreign,
		Idle: i.Idle, Since: parseTime(i.Since), LastRan: parseTime(i.LastRan),
	}
}
