package ecs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// home is where a service lives.
type home struct{ account, region string }

func homeOf(s tagalong.Service) home { return home{s.Account, s.Region} }

var (
	accountID    = regexp.MustCompile(`^\d{12}$`)
	resourceName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	deploymentID = regexp.MustCompile(`^ecs-svc/(\d{1,20})$`)
	definitionID = regexp.MustCompile(`^task-definition/[A-Za-z0-9_-]{1,255}:\d{1,20}$`)
)

func (h home) check() error {
	if !accountID.MatchString(h.account) {
		return fmt.Errorf("account %q: want 12 digits", h.account)
	}
	if !events.IsRegion(h.region) {
		return fmt.Errorf("region %q: want the name of an AWS Region, such as us-east-1", h.region)
	}
	return nil
}

func checkService(s tagalong.Service) error {
	if err := homeOf(s).check(); err != nil {
		return err
	}
	if err := checkName("cluster", s.Cluster); err != nil {
		return err
	}
	return checkName("service", s.Name)
}

func checkName(what, name string) error {
	if !resourceName.MatchString(name) {
		return fmt.Errorf("%s %q: want 1 to 255 letters, digits, underscores or hyphens", what, name)
	}
	return nil
}

// arn returns the ARN of a resource of ECS, such as service/CLUSTER/NAME.
func (h home) arn(resource string) string {
	return tagalong.PartitionOf(h.region).ARN("ecs", h.region, h.account, resource)
}

// revisionARN derives the ARN of a deployment's service revision: the two share
// their number. AWS does not document it, so that what comes back is checked.
func revisionARN(s tagalong.Service, deployment string) (string, bool) {
	m := deploymentID.FindStringSubmatch(deployment)
	if m == nil {
		return "", false
	}
	return homeOf(s).arn("service-revision/" + s.Cluster + "/" + s.Name + "/" + m[1]), true
}

// deploymentOf derives the id of a deployment from the ARN of its service
// revision, which must be one of the service's own.
func deploymentOf(s tagalong.Service, revision string) (string, bool) {
	number, ok := strings.CutPrefix(revision, homeOf(s).arn("service-revision/"+s.Cluster+"/"+s.Name+"/"))
	id := "ecs-svc/" + number
	return id, ok && deploymentID.MatchString(id)
}

// isService reports whether an ARN is that of a service. A service that is older
// than the long form keeps the short one, which does not name the cluster,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html#ecs-resource-ids.
func isService(s tagalong.Service, arn, clusterARN string) bool {
	h := homeOf(s)
	switch arn {
	case h.arn("service/" + s.Cluster + "/" + s.Name):
		return true
	case h.arn("service/" + s.Name):
		return clusterARN == h.arn("cluster/"+s.Cluster)
	}
	return false
}

// isDefinition reports whether an ARN is that of a task definition's revision
// which a service there can run.
func (h home) isDefinition(arn string) bool {
	id, ok := strings.CutPrefix(arn, h.arn(""))
	return ok && definitionID.MatchString(id)
}
