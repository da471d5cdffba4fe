package sandbox_test

import (
	"fmt"
	"log"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// A rollout that completes: what a story does, and the event it gets for it.
func Example() {
	now := time.Date(2026, 3, 4, 9, 15, 2, 318e6, time.UTC)
	aws := sandbox.New(sandbox.Options{Now: func() time.Time { return now }})
	url, stop, err := aws.Start() // for AWS_ENDPOINT_URL
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	_ = url

	repository := aws.ECR.Repository(wire.Scope{}, "checkout-api")
	digest, err := repository.Push(ecr.Image{Seed: "build-42", Tags: []string{"build-42"}})
	if err != nil {
		log.Fatal(err)
	}
	service := aws.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("checkout-api", ecs.ServiceOptions{})
	deployment, _, err := service.Release(now, ecs.Container{Name: "app", Image: repository.URI() + ":build-42"})
	if err != nil {
		log.Fatal(err)
	}
	event, err := deployment.Complete(now.Add(4 * time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deployment.Digest("app") == digest)
	fmt.Printf("%s\n", event)
	// Output:
	// true
	// {"version":"0","id":"0314c2c4-f8f7-405c-92a2-2a2eb9ffd08d","detail-type":"ECS Deployment State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T09:19:09Z","region":"us-east-1","resources":["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],"detail":{"eventType":"INFO","eventName":"SERVICE_DEPLOYMENT_COMPLETED","clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster","deploymentId":"ecs-svc/4393811988755833503","updatedAt":"2026-03-04T09:19:02.318Z","reason":"ECS deployment ecs-svc/4393811988755833503 completed."}}
}
