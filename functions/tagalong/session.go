package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// session is one run of a command.
type session struct {
	world
	ctx   context.Context
	table string
	out   output

	cfg aws.Config
}

func (s *session) now() time.Time { return time.Now().UTC() }

// aws finds credentials and region as the AWS CLI does. What is missing is said
// before any call is made.
func (s *session) aws() (aws.Config, error) {
	if s.cfg.Region != "" {
		return s.cfg, nil
	}
	cfg, err := config.LoadDefaultConfig(s.ctx)
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS configuration: %w", err)
	}
	cfg.HTTPClient = boot.HTTPClient(cfg.HTTPClient)
	if cfg.Region == "" {
		return aws.Config{}, errors.New("no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one")
	}
	if _, err := cfg.Credentials.Retrieve(s.ctx); err != nil {
		return aws.Config{}, fmt.Errorf("no AWS credentials: set AWS_PROFILE, log in with \"aws sso login\", or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (%w)", err)
	}
	s.cfg = cfg
	return cfg, nil
}

func (s *session) dynamoDB() (*dynamodb.Client, error) {
	if s.table == "" {
		return nil, usagef("no table: give --table NAME or set TAGALONG_TABLE")
	}
	cfg, err := s.aws()
	if err != nil {
		return nil, err
	}
	return dynamodb.NewFromConfig(cfg), nil
}

// reactor gives the one that the functions run, for events that people feed in:
// it compares ECR again however old an event is.
func (s *session) reactor() (*tagalong.Reactor, error) {
	if _, err := s.dynamoDB(); err != nil {
		return nil, err
	}
	getenv := func(name string) string {
		if name == boot.EnvTable {
			return s.table
		}
		return s.getenv(name)
	}
	settings, err := boot.ReadConfig(getenv, boot.EnvTable)
	if err != nil {
		return nil, err
	}
	reactor, err := wiring.Reactor(s.ctx, settings, s.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	reactor.Recheck = true
	return reactor, nil
}

func (s *session) queries() (tagalong.Queries, error) {
	client, err := s.dynamoDB()
	if err != nil {
		return tagalong.Queries{}, err
	}
	registry, err := wiring.Registry(s.ctx, s.getenv, s.cfg)
	if err != nil {
		return tagalong.Queries{}, err
	}
	return tagalong.Queries{Records: dynamo.New(client, s.table), Registry: registry}, nil
}

// explain says what to do about errors that people meet when they set things up.
func (s *session) explain(err error) error {
	region := s.cfg.Region
	var api smithy.APIError
	switch {
	case errors.Is(err, tagalong.ErrNoTable):
		return fmt.Errorf("table %q is not in region %s: make it with \"tagalong ledger create\", or look whether AWS_REGION and the account are the ledger's", s.table, region)
	case errors.As(err, &api) && strings.Contains(api.ErrorCode(), "AccessDenied"):
		return fmt.Errorf("%w\nThe credentials may not do this: see which permissions the command needs, or use another AWS_PROFILE", err)
	case errors.As(err, &api) && (api.ErrorCode() == "ExpiredTokenException" || api.ErrorCode() == "UnrecognizedClientException" || api.ErrorCode() == "ExpiredToken"):
		return fmt.Errorf("%w\nThe credentials are not valid (any more): log in again", err)
	}
	return err
}

// version is the one that the Go toolchain stamped into the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
