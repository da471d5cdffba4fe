package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// world is what the sandbox process tells the measuring one.
type world struct {
	URL     string
	Stories []story
}

// story is a service with so many containers, each in a repository of its own,
// and the completions of its deployments, oldest first.
type story struct {
	Containers  int
	Completions []json.RawMessage
}

const (
	tableName = "tagalong"
	region    = "us-east-1"
	repeats   = 8 // deployments of each service
)

// serve runs the sandbox until standard input ends.
func serve() error {
	aws := sandbox.New(sandbox.Options{Region: region})
	url, stop, err := aws.Start()
	if err != nil {
		return err
	}
	defer stop()
	w := world{URL: url}
	if _, err := dynamo.Create(context.Background(), dynamodb.NewFromConfig(configOf(url)), tableName); err != nil {
		return err
	}
	for _, n := range []int{1, 3, 10} {
		s, err := play(aws, n)
		if err != nil {
			return err
		}
		w.Stories = append(w.Stories, s)
	}
	if err := json.NewEncoder(os.Stdout).Encode(w); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func play(aws *sandbox.Sandbox, n int) (story, error) {
	service := aws.ECS.Cluster(wire.Scope{}, "prod").CreateService(fmt.Sprintf("service-%d", n), ecs.ServiceOptions{})
	s := story{Containers: n}
	at := time.Now().UTC().Add(-time.Hour)
	for release := range repeats {
		var containers []ecs.Container
		for i := range n {
			repository := aws.ECR.Repository(wire.Scope{}, fmt.Sprintf("service-%d/container-%d", n, i))
			tag := fmt.Sprintf("build-%d", release)
			if _, err := repository.PushIndex(ecr.Index{Seed: repository.URI() + tag, Tags: []string{tag}}); err != nil {
				return s, err
			}
			containers = append(containers, ecs.Container{Name: fmt.Sprintf("container-%d", i), Image: repository.URI() + ":" + tag})
		}
		at = at.Add(time.Minute)
		d, _, err := service.Release(at, containers...)
		if err != nil {
			return s, err
		}
		event, err := d.Complete(at.Add(30 * time.Second))
		if err != nil {
			return s, err
		}
		s.Completions = append(s.Completions, event)
	}
	return s, nil
}

func configOf(url string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider("SANDBOX", "sandbox", ""),
		HTTPClient:   boot.HTTPClient(nil),
	}
}
