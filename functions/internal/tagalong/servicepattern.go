package tagalong

import (
	"cmp"
	"fmt"
	"path"
	"strings"
)

// ServicePattern selects services, and what else runs, by CLUSTER/NAME or NAME, both with
// globs. The zero pattern selects all.
type ServicePattern struct{ cluster, name string }

// ParseServicePattern reads CLUSTER/NAME or NAME.
func ParseServicePattern(s string) (ServicePattern, error) {
	p := ServicePattern{name: s}
	if cluster, name, ok := strings.Cut(s, "/"); ok {
		p = ServicePattern{cluster: cluster, name: name}
	}
	_, errCluster := path.Match(p.cluster, "")
	_, errName := path.Match(p.name, "")
	if errCluster != nil || errName != nil || p.name == "" || len(s) > 512 || strings.Contains(p.name, "/") || strings.HasPrefix(s, "/") {
		return ServicePattern{}, fmt.Errorf("service %q: want CLUSTER/NAME or NAME, globs allowed, such as prod-*/checkout-api", s)
	}
	return p, nil
}

// String returns the pattern as it was read, "" for the zero pattern.
func (p ServicePattern) String() string {
	if p.cluster == "" {
		return p.name
	}
	return p.cluster + "/" + p.name
}

// Exact reports whether the pattern names services, without globs.
func (p ServicePattern) Exact() bool {
	return p.name != "" && !strings.ContainsAny(p.cluster+p.name, `*?[\`)
}

// Next returns where behind a service, in the order of Service.String, the next one may
// be that an exact pattern selects: all before it are others.
func (p ServicePattern) Next(behind Service) Service {
	next := behind
	next.Cluster = cmp.Or(p.cluster, behind.Cluster)
	for _, next.Name = range named(p.name) {
		if next.String() > behind.String() {
			return next
		}
	}
	if p.cluster == "" {
		return Service{Account: behind.Account, Region: behind.Region, Cluster: behind.Cluster + behindSlash}
	}
	return Service{Account: behind.Account, Region: behind.Region + behindSlash}
}

// behindSlash sorts right behind the slash that ends a part of a service's name.
const behindSlash = "0"

// Match reports whether the pattern selects a service.
func (p ServicePattern) Match(s Service) bool {
	matches := func(glob, name string) bool {
		ok, _ := path.Match(glob, name)
		return ok || glob == ""
	}
	return matches(p.cluster, s.Cluster) && matches(p.name, s.OwnName())
}
