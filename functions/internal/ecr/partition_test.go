package ecr

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The SDK has a table of partitions of its own, which it finds endpoints by: a
// registry's hosts must end as ECR's endpoints do.
func TestPartitionsAreThoseOfTheSDK(t *testing.T) {
	for _, region := range []string{
		"us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1",
		"us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1",
	} {
		host := tagalong.RegistryHost("111122223333", region)
		_, suffix, _ := strings.Cut(host, region+".")
		if got := endpoint(t, region, false); got != "api.ecr."+region+"."+suffix {
			t.Errorf("%s: registry %s, endpoint %s", region, host, got)
		}
		_, suffix, _ = strings.Cut(endpoint(t, region, true), region+".api.")
		dualStack, err := tagalong.ParseImage("111122223333.dkr-ecr." + region + ".on." + suffix + "/shop/api:v1")
		if err != nil || dualStack.Registry != host {
			t.Errorf("%s: dual-stack registry %s instead of %s, error %v", region, dualStack.Registry, host, err)
		}
	}
}

func endpoint(t *testing.T, region string, dualStack bool) string {
	t.Helper()
	found, err := awsecr.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), awsecr.EndpointParameters{Region: &region, UseDualStack: aws.Bool(dualStack)})
	if err != nil {
		t.Fatal(err)
	}
	return found.URI.Host
}
