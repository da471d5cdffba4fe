package tagalong

// ARN returns the service's ARN in its long form.
func (s Service) ARN() string {
	return Arn("ecs", s.Account, s.Region, "service/"+s.Cluster+"/"+s.Name)
}

func Arn(service, account, region, resource string) string {
	return PartitionOf(region).ARN(service, region, account, resource)
}
