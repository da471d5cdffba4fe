package dynamo

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const unmanaged = "UNMANAGED"

func unmanagedKey(s tagalong.Service) key { return key{unmanaged, s.String()} }

// unmanagedItem holds which tags a service reads that no rule matches:
//
//	{
//	  "deployments": [
//	    {
//	      "at": "2026-03-04T09:18:02.915Z",
//	      "deployment": "ecs-svc/4417302958811620394",
//	      "inputs": [
//	        {
//	          "container": "app",
//	          "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	          "repository": "checkout-api",
//	          "tag": "build-42"
//	        }
//	      ]
//	    }
//	  ],
//	  "pk": "UNMANAGED",
//	  "sk": "111122223333/us-east-1/dev/reader",
//	  "version": "…"
//	}
type unmanagedItem struct {
	key
	Version     string                 `dynamodbav:"version"`
	Deployments []deploymentInputsItem `dynamodbav:"deployments"`
}

type deploymentInputsItem struct {
	Deployment string    `dynamodbav:"deployment"`
	At         string    `dynamodbav:"at"`
	Completed  bool      `dynamodbav:"completed,omitempty"`
	Inputs     []tagRead `dynamodbav:"inputs,omitempty"`
}

type tagRead struct {
	Container string `dynamodbav:"container"`
	tagIDItem
}

func toDeploymentInputs(d ledger.DeploymentInputs) deploymentInputsItem {
	return deploymentInputsItem{d.Deployment, formatTime(d.At), d.Completed, all(d.Inputs, toTagRead)}
}

func toTagRead(i ledger.Input) tagRead { return tagRead{i.Container, toTagID(i.Tag)} }

func (i unmanagedItem) unmanaged() (ledger.UnmanagedService, error) {
	s, err := tagalong.ParseService(i.SK)
	return ledger.UnmanagedService{Service: s, Version: i.Version, Deployments: all(i.Deployments, deploymentInputsItem.inputs)}, err
}

func (i deploymentInputsItem) inputs() ledger.DeploymentInputs {
	return ledger.DeploymentInputs{Deployment: i.Deployment, At: parseTime(i.At), Completed: i.Completed, Inputs: all(i.Inputs, tagRead.input)}
}

func (i tagRead) input() ledger.Input { return ledger.Input{Container: i.Container, Tag: i.id()} }

// prefixInput lies among the claims, see Claims.
const prefixInput = "READ#"

func inputKey(s tagalong.Service, i ledger.Input) key {
	return key{repositoryPK(i.Tag.Name), prefixInput + nameOfInput(s, i)}
}

// nameOfInput is made like the sort keys of readersIndex.
func nameOfInput(s tagalong.Service, i ledger.Input) string {
	return containerKey(ledger.PlacementCursor{Registry: i.Tag.Registry, Service: s, Container: i.Container}) + "#" + i.Tag.Tag
}

// inputItem says, beside the claims of a repository and in the index of readers, that an
// unmanaged service reads a tag. Its keys say all:
//
//	{
//	  "gsi1pk": "I#111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api:build-42",
//	  "gsi1sk": "111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/dev/reader#app#build-42",
//	  "pk": "REPO#checkout-api",
//	  "sk": "READ#111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/dev/reader#app#build-42"
//	}
type inputItem struct {
	key
	indexed
}

func toInput(s tagalong.Service, i ledger.Input) inputItem {
	pk, _ := readersIndex(i.Tag, ledger.PlacementCursor{})
	return inputItem{inputKey(s, i), indexed{GSI1PK: pk, GSI1SK: nameOfInput(s, i)}}
}

// addTo adds who reads the tag.
func (i inputItem) addTo(readers ledger.Readers) error {
	name, err := parseReader(strings.TrimPrefix(i.SK, prefixInput))
	if err != nil {
		return err
	}
	repository := tagalong.Repository{Registry: name.registry, Name: strings.TrimPrefix(i.PK, repositoryPK(""))}
	readers.AddInput(name.service, ledger.Input{Container: name.container, Tag: tagalong.TagID{Repository: repository, Tag: name.rest}})
	return nil
}

// readerName is what a key says of a container that reads a tag; rest is the tag or, of a
// placement, its phase.
type readerName struct {
	registry, container, rest string
	service                   tagalong.Service
}

func parseReader(text string) (name readerName, err error) {
	part := strings.Split(text, "#")
	if len(part) != 4 {
		return name, fmt.Errorf("key %q: want registry#service#container#tag, or its phase", text)
	}
	name = readerName{registry: part[0], container: part[2], rest: part[3]}
	name.service, err = tagalong.ParseService(part[1])
	return name, err
}

// Unmanaged reads one of them.
func (l *Ledger) Unmanaged(ctx context.Context, s tagalong.Service) (ledger.UnmanagedService, error) {
	for kept, err := range decoded(l.get(ctx, unmanagedKey(s)), unmanagedItem.unmanaged) {
		return kept, err
	}
	return ledger.UnmanagedService{Service: s}, nil
}

// AllUnmanaged reads all of them: they lie side by side.
func (l *Ledger) AllUnmanaged(ctx context.Context) iter.Seq2[ledger.UnmanagedService, error] {
	return decoded(l.query(ctx, under(unmanaged, "")), unmanagedItem.unmanaged)
}

// SetUnmanaged writes one of them over the version that was seen, and the inputs in which
// it differs: that version guards them, too.
func (l *Ledger) SetUnmanaged(ctx context.Context, was, is ledger.UnmanagedService) error {
	s := is.Service
	record := put(unmanagedItem{unmanagedKey(s), is.Version, all(is.Deployments, toDeploymentInputs)})
	if len(is.Deployments) == 0 {
		record = remove(unmanagedKey(s))
	}
	writes, before := []write{record.when(still(was.Version))}, was.Inputs()
	for _, i := range is.Inputs() {
		if !slices.Contains(before, i) {
			writes = append(writes, put(toInput(s, i)))
		}
	}
	for _, i := range before {
		if !slices.Contains(is.Inputs(), i) {
			writes = append(writes, remove(inputKey(s, i)))
		}
	}
	return l.write(ctx, writes...)
}
