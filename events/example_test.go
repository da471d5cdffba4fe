package events_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/events"
)

func ExampleParse() {
	event, err := events.Parse([]byte(`{
	  "version": "0",
	  "id": "0b7d13ee-be49-4e6e-8043-7e170761ac20",
	  "detail-type": "ECS Deployment State Change",
	  "source": "aws.ecs",
	  "account": "111122223333",
	  "time": "2026-03-04T09:19:56Z",
	  "region": "us-east-1",
	  "resources": ["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],
	  "detail": {
	    "eventType": "INFO",
	    "eventName": "SERVICE_DEPLOYMENT_COMPLETED",
	    "deploymentId": "ecs-svc/7330915268420174663",
	    "updatedAt": "2026-03-04T10:18:41.077+01:00",
	    "reason": "ECS deployment ecs-svc/7330915268420174663 completed."
	  }
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	switch e := event.(type) {
	case events.DeploymentStateChange:
		fmt.Println(e.Cluster(), e.ServiceARN().Name(), e.Deployment())
		fmt.Println(e.Name(), e.UpdatedAt().Format(time.RFC3339Nano))
	case events.Unknown:
		fmt.Println("not for us:", e.Envelope().Source)
	}
	// Output:
	// prod-cluster checkout-api ecs-svc/7330915268420174663
	// SERVICE_DEPLOYMENT_COMPLETED 2026-03-04T09:18:41.077Z
}

// An event of a kind that nobody here knows is a value, not an error.
func ExampleUnknown() {
	event, err := events.Parse([]byte(`{"source": "aws.s3", "detail-type": "Object Created", "detail": {}}`))
	fmt.Printf("%T %v\n", event, err)
	// Output:
	// events.Unknown <nil>
}

// All that is wrong with an event is reported at once.
func ExampleFieldError() {
	_, err := events.Parse([]byte(`{
	  "detail-type": "ECS Deployment State Change",
	  "source": "aws.ecs",
	  "account": "444455556666",
	  "region": "us-east-1",
	  "resources": ["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],
	  "detail": {
	    "eventName": "SERVICE_DEPLOYMENT_COMPLETED",
	    "deploymentId": "d-8QZK4T2LF"
	  }
	}`))
	fmt.Println(err)

	if problem, ok := errors.AsType[*events.FieldError](err); ok {
		fmt.Println("first:", problem.Field)
	}
	// Output:
	// account "444455556666": want 111122223333 as in resources[0]
	// detail.deploymentId "d-8QZK4T2LF": want ecs-svc/ and 1 to 20 decimal digits
	// detail.updatedAt missing: want a time as in RFC 3339 from the years 1970 to 9999, such as 2026-03-04T09:18:41.077Z
	// first: account
}

func ExampleParseServiceARN() {
	arn, err := events.ParseServiceARN("arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api")
	fmt.Println(arn.Account(), arn.Region(), arn.Cluster(), arn.Name(), err)

	_, err = events.ParseServiceARN("arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/*")
	fmt.Println(err)
	// Output:
	// 111122223333 us-east-1 prod-cluster checkout-api <nil>
	// service ARN "arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/*": want arn:PARTITION:ecs:REGION:ACCOUNT:service/CLUSTER/NAME or …:service/NAME, names of 1 to 255 of a-z, A-Z, 0-9, _ and -
}
