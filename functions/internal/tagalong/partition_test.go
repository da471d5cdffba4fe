package tagalong_test

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The hosts are AWS's own examples, and those of the ECS agent
// (ecs-agent/utils/uri); internal/ecr holds the table against the SDK's.
func TestRegistriesOfEveryPartitionAreKnownByAllTheirNames(t *testing.T) {
	const account = "111122223333"
	for region, c := range map[string]struct{ plain, dualStack, service string }{
		"us-east-1":       {"amazonaws.com", "on.aws", "arn:aws:ecs:us-east-1:111122223333:service/prod/api"},
		"ap-southeast-7":  {"amazonaws.com", "on.aws", "arn:aws:ecs:ap-southeast-7:111122223333:service/prod/api"},
		"cn-northwest-1":  {"amazonaws.com.cn", "on.amazonwebservices.com.cn", "arn:aws-cn:ecs:cn-northwest-1:111122223333:service/prod/api"},
		"us-gov-east-1":   {"amazonaws.com", "on.aws", "arn:aws-us-gov:ecs:us-gov-east-1:111122223333:service/prod/api"},
		"eusc-de-east-1":  {"amazonaws.eu", "on.amazonwebservices.eu", "arn:aws-eusc:ecs:eusc-de-east-1:111122223333:service/prod/api"},
		"us-iso-east-1":   {"c2s.ic.gov", "on.aws.ic.gov", "arn:aws-iso:ecs:us-iso-east-1:111122223333:service/prod/api"},
		"us-isob-east-1":  {"sc2s.sgov.gov", "on.aws.scloud", "arn:aws-iso-b:ecs:us-isob-east-1:111122223333:service/prod/api"},
		"eu-isoe-west-1":  {"cloud.adc-e.uk", "on.cloud-aws.adc-e.uk", "arn:aws-iso-e:ecs:eu-isoe-west-1:111122223333:service/prod/api"},
		"us-isof-south-1": {"csp.hci.ic.gov", "on.aws.hci.ic.gov", "arn:aws-iso-f:ecs:us-isof-south-1:111122223333:service/prod/api"},
	} {
		plain := account + ".dkr.ecr." + region + "." + c.plain
		for _, host := range []string{
			plain, account + ".dkr.ecr-fips." + region + "." + c.plain,
			account + ".dkr-ecr." + region + "." + c.dualStack, account + ".dkr-ecr-fips." + region + "." + c.dualStack,
		} {
			image, err := tagalong.ParseImage(host + "/shop/api:v1")
			if err != nil || image.Registry != plain || !tagalong.IsAWSHost(host) {
				t.Errorf("%s is %q, error %v", host, image.Registry, err)
			}
			if q, err := tagalong.ParseImageQuery(host + "/shop/api:v1"); err != nil || q.Registry != plain {
				t.Errorf("%s is asked for as %q, error %v", host, q.Registry, err)
			}
		}
		if a, r, ok := (tagalong.Repository{Registry: plain, Name: "shop/api"}).ECR(); !ok || a != account || r != region {
			t.Errorf("%s: account %q, Region %q, %t", plain, a, r, ok)
		}
		if got := tagalong.RegistryHost(account, region); got != plain {
			t.Errorf("%s: registry %s", region, got)
		}
		if got := (tagalong.Service{Account: account, Region: region, Cluster: "prod", Name: "api"}).ARN(); got != c.service {
			t.Errorf("%s: %s", region, got)
		}
	}
}

func TestHostsOfNoPartitionAreNoRegistries(t *testing.T) {
	for _, host := range []string{
		"111122223333.dkr.ecr.eusc-de-east-1.amazonaws.com", // of another partition than its Region
		"111122223333.dkr.ecr.us-east-1.amazonaws.eu",
		"111122223333.dkr.ecr.us-east-1.amazonaws.com.cn",
		"111122223333.dkr-ecr.us-east-1.amazonaws.com",
		"111122223333.dkr.ecr.us-east-1.on.aws",
		"111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov.example",
		"111122223333.dkr.ecr.east.amazonaws.com",
		"11112222333.dkr.ecr.us-east-1.amazonaws.com",
	} {
		image, err := tagalong.ParseImage(host + "/shop/api:v1")
		if err != nil || image.Registry != host {
			t.Errorf("%s is %q, error %v", host, image.Registry, err)
		}
		if account, region, ok := image.ECR(); ok {
			t.Errorf("%s: account %q, Region %q", host, account, region)
		}
	}
}
