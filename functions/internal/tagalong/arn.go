package tagalong

import "strings"

// ARN returns the service's ARN in its long form.
func (s Service) ARN() string {
	return Arn("ecs", s.Account, s.Region, "service/"+s.Cluster+"/"+s.Name)
}

func Arn(service, account, region, resource string) string {
	return PartitionOf(region).ARN(service, region, account, resource)
}

// NameOf returns what stands behind the last slash of an ARN: a service's name, a task's id.
// A name alone is itself.
func NameOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// FamilyOf returns the family of a task definition, by its ARN.
func FamilyOf(taskDefinition string) string {
	family, _, _ := strings.Cut(NameOf(taskDefinition), ":")
	return family
}
