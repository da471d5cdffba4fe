package tagalong

import "strings"

// partitions are those other than aws, by how the names of their Regions begin,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html.
var partitions = []struct{ prefix, partition string }{
	{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"},
	{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"},
}

// Partition gives the partition of a Region: aws, aws-cn, aws-us-gov and so on.
func Partition(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}

// ARN gives the service's ARN in its long form.
func (s Service) ARN() string {
	return arn("ecs", s.Account, s.Region, "service/"+s.Cluster+"/"+s.Name)
}

func arn(service, account, region, resource string) string {
	return strings.Join([]string{"arn", Partition(region), service, region, account, resource}, ":")
}
