package ecs

import (
	"fmt"
	"strings"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// home is where a service lives.
type home struct{ account, region string }

func homeOf(s tagalong.Service) home { return home{s.Account, s.Region} }

var (
	accountID    = pattern.Run{Min: 12, Max: 12, Of: pattern.Digits}
	resourceName = pattern.Run{Min: 1, Max: 255, Of: pattern.Letters + pattern.Digits + "_-"}
	number       = pattern.Run{Min: 1, Max: 20, Of: pattern.Digits}
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
	id, ok := deploymentNumber(deployment)
	if !ok {
		return "", false
	}
	return homeOf(s).arn("service-revision/" + s.Cluster + "/" + s.Name + "/" + id), true
}

const deploymentPrefix = "ecs-svc/"

// deploymentNumber returns the number in the id of a deployment; ok is false if the
// text is no such id.
func deploymentNumber(deployment string) (id string, ok bool) {
	id, ok = strings.CutPrefix(deployment, deploymentPrefix)
	return id, ok && number.MatchString(id)
}

// deploymentOf derives the id of a deployment from the ARN of its service
// revision, which must be one of the service's own.
func deploymentOf(s tagalong.Service, revision string) (string, bool) {
	id, ok := strings.CutPrefix(revision, homeOf(s).arn("service-revision/"+s.Cluster+"/"+s.Name+"/"))
	return deploymentPrefix + id, ok && number.MatchString(id)
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
	id, ok := strings.CutPrefix(arn, h.arn("task-definition/"))
	family, revision, _ := strings.Cut(id, ":")
	return ok && resourceName.MatchString(family) && number.MatchString(revision)
}
