package tagalong

import (
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// Partition is one of the parts of AWS that share no accounts, no Regions and no
// hosts, https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html.
type Partition struct {
	name      string // in ARNs
	regions   string // how the names of its Regions begin
	hosts     string // how the names of its hosts end
	dualStack string // the same for registries' dual-stack hosts
}

// partitions are all of them; Regions that no other has are those of the first one.
var partitions = []Partition{
	{"aws", "", "amazonaws.com", "on.aws"},
	{"aws-cn", "cn-", "amazonaws.com.cn", "on.amazonwebservices.com.cn"},
	{"aws-us-gov", "us-gov-", "amazonaws.com", "on.aws"},
	{"aws-eusc", "eusc-", "amazonaws.eu", "on.amazonwebservices.eu"},
	{"aws-iso", "us-iso-", "c2s.ic.gov", "on.aws.ic.gov"},
	{"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "on.aws.scloud"},
	{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "on.cloud-aws.adc-e.uk"},
	{"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "on.aws.hci.ic.gov"},
}

// PartitionOf returns the partition of a Region.
func PartitionOf(region string) Partition {
	for _, p := range partitions[1:] {
		if strings.HasPrefix(region, p.regions) {
			return p
		}
	}
	return partitions[0]
}

// ARN returns the ARN of a resource; IAM's have no Region in it.
func (p Partition) ARN(service, region, account, resource string) string {
	return strings.Join([]string{"arn", p.name, service, region, account, resource}, ":")
}

// IsAWSHost reports whether a host is AWS's, in any partition.
func IsAWSHost(host string) bool {
	return slices.ContainsFunc(partitions, func(p Partition) bool {
		return strings.HasSuffix(host, "."+p.hosts) || strings.HasSuffix(host, "."+p.dualStack)
	})
}

// RegistryHost returns the plain name of an account's private ECR registry,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html.
func RegistryHost(account, region string) string {
	return account + ".dkr.ecr." + region + "." + PartitionOf(region).hosts
}

// registryName is any name of a private registry: those for FIPS and for dual-stack,
// which has dkr-ecr, are other doors to the same one.
var registryName = pattern.New(`^(\d{12})\.dkr([.-])ecr(?:-fips)?\.([a-z0-9-]+)\.(.+)$`)

// parseRegistry reads any name of a private registry.
func parseRegistry(host string) (account, region string, ok bool) {
	m := registryName.FindStringSubmatch(host)
	if m == nil || !events.IsRegion(m[3]) {
		return "", "", false
	}
	p := PartitionOf(m[3])
	if want := map[string]string{".": p.hosts, "-": p.dualStack}; m[4] != want[m[2]] {
		return "", "", false
	}
	return m[1], m[3], true
}

// canonicalRegistry returns the plain name of a private registry, and any other
// host as it is.
func canonicalRegistry(host string) string {
	if account, region, ok := parseRegistry(host); ok {
		return RegistryHost(account, region)
	}
	return host
}
