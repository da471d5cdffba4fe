package dynamo

import (
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const prefixPrevious = "PREV#"

func previousKey(p ledger.PreviousRecord) key {
	at := ledger.PlacementCursor{Registry: p.Image.Registry, Service: p.Service, Container: p.Container}
	return key{repositoryPK(p.Image.Name), prefixPrevious + containerKey(at)}
}

// previousItem holds the tags that a running container claims for the image that
// ran in it before, in that image's repository:
//
//	{
//	  "container": "checkout-api",
//	  "digest": "sha256:199ddbcf9ebd5fbafa80abdfc03fc5ca58decd3679b62dae111b3efc98a97853",
//	  "environment": "prod",
//	  "pk": "REPO#checkout-api",
//	  "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	  "service": "111122223333/us-east-1/prod-cluster/checkout-api",
//	  "since": "2026-03-04T09:18:02.915Z",
//	  "sk": "PREV#111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/prod-cluster/checkout-api#checkout-api",
//	  "tags": [
//	    "prod-previous"
//	  ]
//	}
type previousItem struct {
	key
	Service     string   `dynamodbav:"service"`
	Environment string   `dynamodbav:"environment"`
	Container   string   `dynamodbav:"container"`
	Registry    string   `dynamodbav:"registry"`
	Digest      string   `dynamodbav:"digest"`
	Since       string   `dynamodbav:"since"`
	Tags        []string `dynamodbav:"tags"`
}

func toPrevious(p ledger.PreviousRecord) previousItem {
	return previousItem{
		key:         previousKey(p),
		Service:     p.Service.String(),
		Environment: p.Environment,
		Container:   p.Container,
		Registry:    p.Image.Registry,
		Digest:      p.Digest.String(),
		Since:       formatTime(p.Since),
		Tags:        p.Tags,
	}
}

func (i previousItem) placement() (ledger.PreviousRecord, error) {
	s, err := tagalong.ParseService(i.Service)
	return ledger.PreviousRecord{
		Service:     s,
		Environment: i.Environment,
		Previous: ledger.Previous{
			Container: i.Container,
			Image:     tagalong.Repository{Registry: i.Registry, Name: strings.TrimPrefix(i.PK, repositoryPK(""))},
			Digest:    digest.Digest(i.Digest),
		},
		Since: parseTime(i.Since),
		Tags:  i.Tags,
	}, err
}

// previousImageItem is an image that ran before in a container, within heads; without a
// digest none is known to have.
type previousImageItem struct {
	Container  string `dynamodbav:"container"`
	Registry   string `dynamodbav:"registry,omitempty"`
	Repository string `dynamodbav:"repository,omitempty"`
	Digest     string `dynamodbav:"digest,omitempty"`
}

func toPreviousImage(p ledger.Previous) previousImageItem {
	return previousImageItem{Container: p.Container, Registry: p.Image.Registry, Repository: p.Image.Name, Digest: p.Digest.String()}
}

func (i previousImageItem) previous() ledger.Previous {
	return ledger.Previous{
		Container: i.Container,
		Image:     tagalong.Repository{Registry: i.Registry, Name: i.Repository},
		Digest:    digest.Digest(i.Digest),
	}
}

// putPrevious and dropPrevious need no condition: the head guards what a service's
// containers claim.
func putPrevious(p ledger.PreviousRecord) write { return put(toPrevious(p)) }

func dropPrevious(p ledger.PreviousRecord) write { return remove(previousKey(p)) }
