package dynamo

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// namePK is the partition of the names that begin with a text: by their first characters,
// so that a beginning is one Query, and no partition has all of them.
func namePK(text string) string { return "NAME#" + text[:min(len(text), ledger.LeastBeginning)] }

// nameItem is what people look for by how it begins:
//
//	{
//	  "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "kind": "digest",
//	  "pk": "NAME#cdd0",
//	  "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	  "repository": "checkout-api",
//	  "sk": "cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17#digest#111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api@sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "text": "cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17"
//	}
type nameItem struct {
	key
	Kind       string `dynamodbav:"kind"`
	Text       string `dynamodbav:"text"`
	Registry   string `dynamodbav:"registry,omitempty"`
	Repository string `dynamodbav:"repository,omitempty"`
	Digest     string `dynamodbav:"digest,omitempty"`
	Pipeline   string `dynamodbav:"pipeline,omitempty"`
	Execution  string `dynamodbav:"execution,omitempty"`
}

func toName(n ledger.Name) nameItem {
	return nameItem{
		key:  key{namePK(n.Text), strings.Join([]string{n.Text, string(n.Kind), n.Leads()}, "#")},
		Kind: string(n.Kind), Text: n.Text,
		Registry: n.Registry, Repository: n.Name, Digest: n.Digest.String(),
		Pipeline: n.Pipeline, Execution: n.Execution,
	}
}

// putName needs no condition: what is there is written again, as it was.
func putName(n ledger.Name) write { return put(toName(n)) }

func (i nameItem) name() (ledger.Name, error) {
	return ledger.Name{
		Kind: tagalong.NameKind(i.Kind), Text: i.Text,
		Repository: tagalong.Repository{Registry: i.Registry, Name: i.Repository}, Digest: digest.Digest(i.Digest),
		Pipeline: i.Pipeline, Execution: i.Execution,
	}, nil
}

// Names reads the names that begin with a text.
func (l *Ledger) Names(ctx context.Context, beginning string, hint int) iter.Seq2[ledger.Name, error] {
	q := under(namePK(beginning), beginning)
	q.eventual, q.limit = true, page(hint)
	return decoded(l.query(ctx, q), nameItem.name)
}

// NamesOf reads the names that are a text.
func (l *Ledger) NamesOf(ctx context.Context, text string, hint int) iter.Seq2[ledger.Name, error] {
	q := under(namePK(text), text+"#")
	q.eventual, q.limit = true, page(hint)
	names := decoded(l.query(ctx, q), nameItem.name)
	return stream.Filter(names, func(n ledger.Name) bool { return n.Text == text })
}

const prefixRepository = "R#"

func toRepository(r tagalong.Repository) directoryItem {
	return directoryItem{key: key{directory, prefixRepository + r.Name + "#" + r.Registry}}
}

// listRepository lists it in the directory: what is listed stays.
func listRepository(r tagalong.Repository) write { return put(toRepository(r)) }

func (i directoryItem) repository() (tagalong.Repository, error) {
	name, registry, ok := strings.Cut(strings.TrimPrefix(i.SK, prefixRepository), "#")
	if !ok {
		return tagalong.Repository{}, fmt.Errorf("sort key %q: want repository#registry", i.SK)
	}
	return tagalong.Repository{Registry: registry, Name: name}, nil
}

// Repositories reads all of them.
func (l *Ledger) Repositories(ctx context.Context) ([]tagalong.Repository, error) {
	return collect(decoded(l.query(ctx, listed(prefixRepository)), directoryItem.repository))
}
