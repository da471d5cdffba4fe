package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	historywiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/history"
	pipelinewiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// session is one run of a command.
type session struct {
	world
	ctx   context.Context
	table string
	out   output

	cfg aws.Config
	// asked is what the questions are put to; nil: to the ledger in the table.
	asked *query.Queries
}

func (s *session) now() time.Time { return s.world.now().UTC() }

// aws finds credentials and region as the AWS CLI does. What is missing is said
// before any call is made, and by this command alone: the SDK's own warnings
// would stand beside it.
func (s *session) aws() (aws.Config, error) {
	if s.cfg.Region != "" {
		return s.cfg, nil
	}
	cfg, err := config.LoadDefaultConfig(s.ctx, config.WithLogger(logging.Nop{}))
	if profile, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return aws.Config{}, fmt.Errorf("AWS_PROFILE %q: no such profile in the AWS configuration files", profile.Profile)
	}
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS configuration: %w", err)
	}
	cfg.HTTPClient = boot.HTTPClient(cfg.HTTPClient)
	if cfg.Region == "" {
		return aws.Config{}, errors.New("no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one")
	}
	if _, err := cfg.Credentials.Retrieve(s.ctx); err != nil {
		return aws.Config{}, noCredentials(err)
	}
	s.cfg = cfg
	return cfg, nil
}

// noCredentials says how to get some, and why those that are configured gave
// none. That there is no EC2 instance to ask is what remains if nothing is
// configured: it would lead astray.
func noCredentials(err error) error {
	text := "no AWS credentials: set AWS_PROFILE, log in with \"aws sso login\", or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	if strings.Contains(err.Error(), "IMDS") {
		return errors.New(text)
	}
	return fmt.Errorf("%s\n  %w", text, err)
}

func (s *session) dynamoDB() (*dynamodb.Client, error) {
	if s.table == "" {
		return nil, usagef("no table: give --table NAME or set TAGALONG_TABLE; \"tagalong ledger create\" makes one")
	}
	if err := s.checkTable(); err != nil {
		return nil, err
	}
	cfg, err := s.aws()
	if err != nil {
		return nil, err
	}
	return dynamodb.NewFromConfig(cfg), nil
}

// checkTable asks the functions' configuration whether the table's name is one.
func (s *session) checkTable() error {
	_, err := boot.ReadConfig(func(name string) string {
		return map[string]string{boot.EnvTable: s.table}[name]
	})
	if err != nil {
		return usagef("--table %s", strings.TrimPrefix(err.Error(), boot.EnvTable+" "))
	}
	return nil
}

// pipelineHandler returns the one that the functions run, for events that people feed in:
// it compares ECR again however old an event is, and no API lags behind those.
func (s *session) pipelineHandler(settings boot.Config) (*pipeline.Handler, error) {
	pipelines, err := pipelinewiring.Handler(s.ctx, settings, s.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	pipelines.Reactor.Recheck = true
	pipelines.Backoff = wait.Backoff{Attempts: 1}
	pipelines.Reactor.Now = s.now
	return pipelines, nil
}

// queries returns who answers the questions: the ledger, and ECR where a question
// is about now.
func (s *session) queries() (query.Queries, error) { return s.asking(s.settings) }

// asking returns who answers the questions by these settings.
func (s *session) asking(read func() (boot.Config, error)) (query.Queries, error) {
	if s.asked != nil {
		return *s.asked, nil
	}
	settings, err := read()
	if err != nil {
		return query.Queries{}, err
	}
	queries, err := historywiring.Queries(s.ctx, settings, s.cfg)
	queries.Now = s.now
	return queries, err
}

// explain says what to do about errors that people meet when they set things up.
func (s *session) explain(err error) error {
	var send *smithyhttp.RequestSendError
	var api smithy.APIError
	var unknown *tagalong.UnknownNameError
	switch {
	case s.ctx.Err() != nil:
		return errors.New("interrupted")
	case errors.Is(err, ledger.ErrNoTable):
		return fmt.Errorf("table %q is not in region %s: make it with \"tagalong ledger create\", or look whether AWS_REGION and the account are the ledger's", s.table, s.cfg.Region)
	case errors.As(err, &unknown) && unknown.Watched != "":
		return fmt.Errorf("%w\n%s", err, unknown.Watched)
	case errors.As(err, &unknown) && unknown.Kind == tagalong.ReleaseName:
		return fmt.Errorf("%w (\"tagalong history --wide\" shows the releases of rollouts)", err)
	case errors.As(err, &send):
		return unreachable(err, send)
	case errors.As(err, &api):
		return advise(err, api.ErrorCode())
	}
	return err
}

// unreachable says who did not answer, and why, without the layers in between.
func unreachable(err error, send *smithyhttp.RequestSendError) error {
	sent, ok := errors.AsType[*url.Error](send.Err)
	if !ok {
		return err
	}
	return fmt.Errorf("no answer from %s: %w\nIs the network up, and are AWS_REGION, AWS_ENDPOINT_URL and the proxy right?", sent.URL, sent.Err)
}

func advise(err error, code string) error {
	switch {
	case strings.Contains(code, "AccessDenied"):
		return fmt.Errorf("%w\nThe credentials do not allow this operation: allow it to them, or set AWS_PROFILE to others", err)
	case strings.Contains(code, "Expired"), strings.Contains(code, "UnrecognizedClient"), strings.Contains(code, "InvalidClientToken"):
		return fmt.Errorf("%w\nThe credentials are not valid, or not any more: log in again", err)
	}
	return err
}

// release and commit are those of a release's build, see .ci/release.
var release, commit string

// version returns the version and the commit: those of the release, or else what the Go
// toolchain stamped into the binary, be it of a checkout or by go install.
func version() string {
	stamped := ""
	for _, s := range stamp().Settings {
		if s.Key == "vcs.revision" {
			stamped = s.Value
		}
	}
	return strings.TrimSpace(versionName() + " " + cmp.Or(commit, stamped))
}

// versionName returns the version alone, as the functions' zips have it beside them.
func versionName() string { return cmp.Or(release, stamp().Main.Version, "(devel)") }

func stamp() debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return *info
	}
	return debug.BuildInfo{}
}
