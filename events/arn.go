package events

import "strings"

// maxPlace bounds the names of partitions and Regions, in bytes.
const maxPlace = 32

// place is where a resource of AWS lives.
type place struct {
	partition, region, account string
}

// arn returns the ARN of a resource of ECS in that place.
func (p place) arn(resource string) string {
	return "arn:" + p.partition + ":ecs:" + p.region + ":" + p.account + ":" + resource
}

// splitPlace takes an ARN of that service of AWS apart into its place and the
// resource there.
func splitPlace(s, service string) (place, string, bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != service {
		return place{}, "", false
	}
	p := place{partition: parts[1], region: parts[3], account: parts[4]}
	_, account := accountID.parse(p.account)
	if !account || !isPartition(p.partition) || !IsRegion(p.region) {
		return place{}, "", false
	}
	return p, parts[5], true
}

// splitARN takes an ECS ARN of that kind apart into its place and the names
// that follow the kind, separated by slashes; three stand for any more.
func splitARN(s, kind string) (place, []string, bool) {
	p, resource, ok := splitPlace(s, "ecs")
	names, isKind := strings.CutPrefix(resource, kind+"/")
	return p, strings.SplitN(names, "/", 3), ok && isKind
}

// ServiceARN is the ARN of an ECS service. There are two forms:
//
//	arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api
//	arn:aws:ecs:us-east-1:111122223333:service/checkout-api
//
// The long one has been the default since 2021. The short one, which does not
// say the cluster, stays with services that are older, since an ARN never
// changes; to AWS the two are different ARNs.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
//
// Values can be compared with == and used as keys. The zero value is no ARN
// and encodes as the empty string.
type ServiceARN struct {
	place
	cluster, name string
}

var serviceARN = form[ServiceARN]{
	"arn:PARTITION:ecs:REGION:ACCOUNT:service/CLUSTER/NAME or …:service/NAME, names of 1 to 255 of a-z, A-Z, 0-9, _ and -",
	parseServiceARN,
}

// ParseServiceARN reads a service's ARN in either form. Its error is a
// [*FieldError].
func ParseServiceARN(s string) (ServiceARN, error) {
	return parseARN("service ARN", s, serviceARN)
}

func parseServiceARN(s string) (ServiceARN, bool) {
	r, ok := parseResource(s, "service", isName)
	return ServiceARN{r.place, r.cluster, r.id}, ok
}

// Partition is aws, aws-cn, aws-us-gov, aws-eusc or one like them.
func (a ServiceARN) Partition() string { return a.partition }

// Region is the service's Region, such as us-east-1.
func (a ServiceARN) Region() string { return a.region }

// Account is the service's account, 12 digits.
func (a ServiceARN) Account() string { return a.account }

// Cluster is the name of the service's cluster, empty in the short form.
func (a ServiceARN) Cluster() string { return a.cluster }

// Name is the service's name.
func (a ServiceARN) Name() string { return a.name }

// IsZero reports whether a is no ARN.
func (a ServiceARN) IsZero() bool { return a == ServiceARN{} }

// String returns the ARN, in the form in which it was parsed.
func (a ServiceARN) String() string {
	return resource{a.place, "service", a.cluster, a.name}.String()
}

// MarshalText returns the ARN.
func (a ServiceARN) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (a *ServiceARN) UnmarshalText(text []byte) (err error) {
	*a = ServiceARN{}
	if len(text) > 0 {
		*a, err = ParseServiceARN(string(text))
	}
	return err
}

// ClusterARN is the ARN of an ECS cluster, such as
//
//	arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster
//
// Values can be compared with == and used as keys. The zero value is no ARN
// and encodes as the empty string.
type ClusterARN struct {
	place
	name string
}

var clusterARN = form[ClusterARN]{
	"arn:PARTITION:ecs:REGION:ACCOUNT:cluster/NAME, the name of 1 to 255 of a-z, A-Z, 0-9, _ and -",
	parseClusterARN,
}

// ParseClusterARN reads a cluster's ARN. Its error is a [*FieldError].
func ParseClusterARN(s string) (ClusterARN, error) {
	return parseARN("cluster ARN", s, clusterARN)
}

func parseClusterARN(s string) (ClusterARN, bool) {
	p, names, ok := splitARN(s, "cluster")
	if !ok || len(names) != 1 || !isName(names[0]) {
		return ClusterARN{}, false
	}
	return ClusterARN{p, names[0]}, true
}

// Partition is aws, aws-cn, aws-us-gov, aws-eusc or one like them.
func (a ClusterARN) Partition() string { return a.partition }

// Region is the cluster's Region, such as us-east-1.
func (a ClusterARN) Region() string { return a.region }

// Account is the cluster's account, 12 digits.
func (a ClusterARN) Account() string { return a.account }

// Name is the cluster's name.
func (a ClusterARN) Name() string { return a.name }

// IsZero reports whether a is no ARN.
func (a ClusterARN) IsZero() bool { return a == ClusterARN{} }

// String returns the ARN as it was parsed.
func (a ClusterARN) String() string {
	if a.IsZero() {
		return ""
	}
	return a.arn("cluster/" + a.name)
}

// MarshalText returns the ARN.
func (a ClusterARN) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (a *ClusterARN) UnmarshalText(text []byte) (err error) {
	*a = ClusterARN{}
	if len(text) > 0 {
		*a, err = ParseClusterARN(string(text))
	}
	return err
}

// resource is the ARN of something in a cluster, in the long form that names
// the cluster or in the short one that does not.
type resource struct {
	place
	kind, cluster, id string
}

func parseResource(s, kind string, isID func(string) bool) (resource, bool) {
	p, names, ok := splitARN(s, kind)
	switch {
	case !ok:
	case len(names) == 1 && isID(names[0]):
		return resource{p, kind, "", names[0]}, true
	case len(names) == 2 && isName(names[0]) && isID(names[1]):
		return resource{p, kind, names[0], names[1]}, true
	}
	return resource{}, false
}

// resourceARN is the form of the ARN of a task or a container instance.
func resourceARN(kind string) form[resource] {
	return form[resource]{
		"arn:PARTITION:ecs:REGION:ACCOUNT:" + kind + "/CLUSTER/ID or …:" + kind + "/ID",
		func(s string) (resource, bool) { return parseResource(s, kind, isResourceID) },
	}
}

func (r resource) String() string {
	switch {
	case r.place == place{}:
		return ""
	case r.cluster == "":
		return r.arn(r.kind + "/" + r.id)
	}
	return r.arn(r.kind + "/" + r.cluster + "/" + r.id)
}

// parseARN reads an ARN that stands alone.
func parseARN[T any](field, s string, f form[T]) (T, error) {
	v, ok := f.parse(s)
	if !ok {
		return v, &FieldError{Field: field, Value: clip(s, maxValue), Want: f.want}
	}
	return v, nil
}
