package ecs

import (
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// arn is an ARN of ECS taken apart,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html#ecs-resource-ids.
type arn struct {
	wire.Scope
	kind string   // service, task, cluster, …
	path []string // what follows the kind
}

func parseARN(text string) (arn, bool) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "ecs" {
		return arn{}, false
	}
	path := strings.Split(parts[5], "/")
	if len(path) < 2 || parts[3] == "" || parts[4] == "" {
		return arn{}, false
	}
	return arn{wire.Scope{Account: parts[4], Region: parts[3]}, path[0], path[1:]}, true
}

// identifier is a resource inside a cluster as a request names it: by name, or
// by a long or short ARN.
func (c *Cluster) identifier(text, kind string) (name string, err error) {
	if !strings.HasPrefix(text, "arn:") {
		return text[strings.LastIndex(text, "/")+1:], nil
	}
	a, ok := parseARN(text)
	if !ok || a.kind != kind || len(a.path) > 2 {
		return "", invalid("Invalid identifier: %s", text)
	}
	if len(a.path) == 2 && a.path[0] != c.name {
		return "", invalid("Identifier is for cluster %s. Your cluster is %s", a.path[0], c.name)
	}
	if a.Scope != c.scope {
		return "", invalid("Identifier is for %s. Your cluster is in %s", a.Scope, c.scope)
	}
	return a.path[len(a.path)-1], nil
}
