package tagalong

// ARN gives the service's ARN in its long form.
func (s Service) ARN() string {
	return arn("ecs", s.Account, s.Region, "service/"+s.Cluster+"/"+s.Name)
}

func arn(service, account, region, resource string) string {
	return PartitionOf(region).ARN(service, region, account, resource)
}
