package clients_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
)

func TestEachAccountAndRegionHasOneClient(t *testing.T) {
	asked, down := 0, errors.New("down")
	var problem error
	all := clients.New(func(_ context.Context, _, region string) (aws.Config, error) {
		asked++
		return aws.Config{Region: region}, problem
	}, ecs.NewFromConfig)
	problem = down
	if client, err := all.Of(t.Context(), "111122223333", "us-east-1"); client != nil || !errors.Is(err, down) {
		t.Errorf("without a configuration: %v, %v", client, err)
	}
	problem = nil
	seen := map[*ecs.Client]bool{}
	for range 2 {
		for _, account := range []string{"111122223333", "444455556666"} {
			for _, region := range []string{"us-east-1", "eu-west-1"} {
				client, err := all.Of(t.Context(), account, region)
				if err != nil || client.Options().Region != region {
					t.Fatalf("%s %s: %v", account, region, err)
				}
				seen[client] = true
			}
		}
	}
	if len(seen) != 4 || asked != 5 {
		t.Errorf("%d clients of %d configurations, want 4 of 5: an error is not kept", len(seen), asked)
	}
}
