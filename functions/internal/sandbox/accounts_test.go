package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestRoleReadsAnotherAccount(t *testing.T) {
	s := sandboxtest.Start(t)
	const role = "arn:aws:iam::444455556666:role/tagalong-reader"
	s.STS.AddRole(role)
	scope := wire.Scope{Account: "444455556666", Region: "eu-west-1"}
	service := s.ECS.Cluster(scope, "staging").CreateService("web", ecs.ServiceOptions{})
	deployment, _, err := service.Release(sandboxtest.Epoch, ecs.Container{Name: "web", Image: "nginx"})
	if err != nil {
		t.Fatal(err)
	}
	config := s.Config()
	config.Region = scope.Region
	read := func() error {
		_, err := awsecs.NewFromConfig(config).DescribeServiceRevisions(t.Context(), &awsecs.DescribeServiceRevisionsInput{
			ServiceRevisionArns: []string{deployment.RevisionARN()},
		})
		return err
	}
	if code := sandboxtest.Code(read()); code != "AccessDeniedException" {
		t.Errorf("with our own credentials: %q", code)
	}
	config.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(awssts.NewFromConfig(s.Config()), role))
	if err := read(); err != nil {
		t.Error(err)
	}
	calls := s.Calls()
	if last := calls[len(calls)-1]; last.Account != scope.Account || last.Region != scope.Region {
		t.Errorf("recorded %+v", last)
	}
}
