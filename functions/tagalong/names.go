package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/posener/complete"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
)

// A shell that completes a line is offered the names that the ledger knows, if it answers
// soon. They are kept for a minute, since each key asks anew.

const (
	namesKept = time.Minute
	namesSoon = 2 * time.Second // nobody waits for longer
)

// ledgerNames are what a shell is offered.
type ledgerNames struct {
	Environments []string  `json:"environments"`
	Services     []string  `json:"services"` // CLUSTER/NAME
	Clusters     []string  `json:"clusters"`
	At           time.Time `json:"at"`
}

// complete answers a shell that completes a line, and then ends the command.
func (c *cli) complete(ctx context.Context, parser *kong.Kong, w world) {
	offer := func(pick func(ledgerNames) []string) complete.Predictor {
		return complete.PredictFunc(func(complete.Args) []string { return pick(c.names(ctx, w)) })
	}
	kongcompletion.Register(parser,
		kongcompletion.WithPredictor("file", complete.PredictFiles("*")),
		kongcompletion.WithPredictor("environment", offer(func(n ledgerNames) []string { return n.Environments })),
		kongcompletion.WithPredictor("service", offer(func(n ledgerNames) []string { return n.Services })),
		kongcompletion.WithPredictor("cluster", offer(func(n ledgerNames) []string { return n.Clusters })),
	)
}

// names returns those that were read a moment ago, or reads them. Where they cannot be read
// none are offered: whoever completes a line has asked nothing yet.
func (c *cli) names(ctx context.Context, w world) ledgerNames {
	file := namesFile(w)
	var kept ledgerNames
	if raw, err := os.ReadFile(file); err == nil && json.Unmarshal(raw, &kept) == nil && w.now().Sub(kept.At).Abs() < namesKept {
		return kept
	}
	ctx, stop := context.WithTimeout(ctx, namesSoon)
	defer stop()
	c.Table = w.getenv("TAGALONG_TABLE")
	read, err := readNames(c.session(ctx, w))
	if err != nil {
		return ledgerNames{}
	}
	read.At = w.now()
	if raw, err := json.Marshal(read); err == nil && os.MkdirAll(filepath.Dir(file), 0o700) == nil {
		_ = os.WriteFile(file, raw, 0o600) // what is not kept is read again
	}
	return read
}

// namesFile is where the names of a table are kept.
func namesFile(w world) string {
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	var of []string
	for _, name := range []string{"TAGALONG_TABLE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"} {
		of = append(of, w.getenv(name))
	}
	return filepath.Join(folder, "tagalong", fmt.Sprintf("names-%x.json", sha256.Sum256([]byte(strings.Join(of, "\n")))))
}

func readNames(s *session) (names ledgerNames, err error) {
	if _, err := s.dynamoDB(); err != nil {
		return names, err
	}
	ledger := s.ledger()
	err = parallel.All(
		func() (err error) { names.Environments, err = ledger.Environments(s.ctx); return err },
		func() error {
			seen, err := ledger.Seen(s.ctx)
			for _, one := range seen {
				names.Services, names.Clusters = append(names.Services, nameOf(one.Service)), append(names.Clusters, one.Cluster)
			}
			return err
		},
	)
	for _, list := range []*[]string{&names.Services, &names.Clusters} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return names, err
}
