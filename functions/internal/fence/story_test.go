package fence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// story is what has happened in ECS: events that were handled before, two that
// are handled at once, and where every tag belongs in the end.
type story struct {
	name string
	// digests are how many images are pushed into the repository named app.
	tell func(w *world)
	// rules of the environments; nil for clusters as environments.
	rules tagalong.Rules
	// pausesOnly stops the handlers, and lets none die.
	pausesOnly bool
	// stops are the operations at which handlers are stopped; nil is all of them.
	stops []string
}

// writes are the operations that others can see: of what reads between two of them
// see, the other handler makes a difference at one of the two as well.
var writes = []string{"TransactWriteItems", "PutImage"}

// world is one sandbox with a story in it.
type world struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	at      time.Time // of the last thing that happened
	story   story

	services []tagalong.Service // all that there are

	before [][]byte // events that were handled before
	a, b   []byte   // events that are handled at once
	// promotions are what some of these are instead of events, by the ids of their jobs.
	promotions map[string]reactor.Promotion
	// lates are others of these, by their names, and course is what the history has in the
	// end of the service prod/app; "" if that is not looked at.
	lates  map[string]*late
	course string
	// want is where each tag belongs when all is over, by repository:tag.
	want map[string]digest.Digest
	// inputs are those of these tags that deployments read, so that only builds put them.
	inputs []string
	// never are repositories in registries that are not ours.
	never []*ecr.Repository
	// allowed are the digests that each tag may sit on at any time.
	allowed map[string][]digest.Digest
}

func (w *world) later() time.Time {
	w.at = w.at.Add(time.Minute)
	return w.at
}

// push makes an image and returns its reference and digest.
func (w *world) push(repository, tag string) (string, digest.Digest) {
	r := w.sandbox.ECR.Repository(wire.Scope{}, repository)
	d, err := r.Push(ecr.Image{Seed: repository + tag, Tags: []string{tag}})
	w.must(err)
	return r.URI() + ":" + tag, d
}

func (w *world) service(cluster, name string) *ecs.Service {
	home := w.sandbox.Home()
	w.services = append(w.services, tagalong.Service{Account: home.Account, Region: home.Region, Cluster: cluster, Name: name})
	return w.sandbox.ECS.Cluster(wire.Scope{}, cluster).CreateService(name, ecs.ServiceOptions{})
}

// release deploys containers, given as name, image, name, image …
func (w *world) release(s *ecs.Service, pairs ...string) *ecs.Deployment {
	var containers []ecs.Container
	for i := 0; i < len(pairs); i += 2 {
		containers = append(containers, ecs.Container{Name: pairs[i], Image: pairs[i+1]})
	}
	d, _, err := s.Release(w.later(), containers...)
	w.must(err)
	return d
}

// releaseMany deploys many containers of one image: so many that what a change writes
// does not fit into one transaction.
func (w *world) releaseMany(s *ecs.Service, containers int, image string) *ecs.Deployment {
	var pairs []string
	for i := range containers {
		pairs = append(pairs, fmt.Sprintf("c%02d", i), image)
	}
	return w.release(s, pairs...)
}

func (w *world) complete(d *ecs.Deployment) []byte {
	event, err := d.Complete(w.later())
	w.must(err)
	return event
}

// promote returns the promotion of an image, to be handled like an event.
func (w *world) promote(repository string, d digest.Digest, tags ...string) []byte {
	job := fmt.Sprintf("job-%d", len(w.promotions))
	uri := w.sandbox.ECR.Repository(wire.Scope{}, repository).URI()
	w.promotions[job] = reactor.Promotion{
		Job: job, Repository: tagalong.Repository{Registry: strings.TrimSuffix(uri, "/"+repository), Name: repository},
		Digest: d, Tags: tags, At: w.later(),
	}
	return []byte(job)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// tag says where a tag belongs, and where else it may sit on the way.
func (w *world) tag(name string, want digest.Digest, also ...digest.Digest) {
	w.want[name] = want
	w.allowed[name] = append(also, want)
}

// input says where builds have put a tag that deployments read.
func (w *world) input(name string, want digest.Digest, before ...digest.Digest) {
	w.tag(name, want, before...)
	w.inputs = append(w.inputs, name)
}

// build makes an image and puts a tag on it, wherever that was, as a build does.
func (w *world) build(repository, seed, tag string) (string, digest.Digest) {
	_, d := w.push(repository, seed)
	r := w.sandbox.ECR.Repository(wire.Scope{}, repository)
	w.must(r.Retag(d, tag))
	return r.URI() + ":" + tag, d
}

// tagsToCome are so many containers that a change of all of them leaves some of the
// tags to a second transaction, if they move to another repository; with placesToCome it
// leaves some of their places, too.
const (
	tagsToCome   = 31
	placesToCome = 36
)

var threeTags = tagalong.Rules{{Environment: "prod", Tags: []string{"{environment}", "{environment}-a", "{environment}-b"}}}

var stories = []story{
	{name: "the service is deployed from the tag of its environment", tell: func(w *world) {
		s := w.service("prod", "app")
		image, digest1 := w.build("app", "v1", "prod")
		w.a = w.complete(w.release(s, "app", image))
		_, digest2 := w.build("app", "v2", "prod")
		w.b = w.complete(w.release(s, "app", image))
		w.input("app:prod", digest2, digest1)
	}},
	{name: "another service is deployed from the tag of the environment", tell: func(w *world) {
		one, reader := w.service("prod", "one"), w.service("dev", "reader")
		image, digest1 := w.build("app", "v1", "prod")
		image2, _ := w.push("app", "v2")
		w.before = append(w.before, w.complete(w.release(reader, "app", image)))
		w.a = w.complete(w.release(one, "app", image2))
		w.b = w.complete(w.release(reader, "app", image))
		w.input("app:prod", digest1)
		w.tag("app:dev", digest1)
	}},
	{name: "a sidecar from a registry that is not ours", tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		sidecar := w.sandbox.ECR.Repository(wire.Scope{Account: "906394416424"}, "aws-for-fluent-bit")
		_, err := sidecar.Push(ecr.Image{Seed: "fluent", Tags: []string{"stable"}})
		w.must(err)
		w.a = w.complete(w.release(s, "app", image1, "log", sidecar.URI()+":stable"))
		w.b = w.complete(w.release(s, "app", image2, "log", sidecar.URI()+":stable"))
		w.tag("app:prod", digest2, digest1)
		w.never = append(w.never, sidecar)
	}},
	{name: "two deployments of one service", tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		w.a = w.complete(w.release(s, "app", image1))
		w.b = w.complete(w.release(s, "app", image2))
		w.tag("app:prod", digest2, digest1)
	}},
	{name: "the third deployment while the first runs", tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		image3, digest3 := w.push("app", "v3")
		w.before = append(w.before, w.complete(w.release(s, "app", image1)))
		w.a = w.complete(w.release(s, "app", image2))
		w.b = w.complete(w.release(s, "app", image3))
		w.tag("app:prod", digest3, digest1, digest2)
	}},
	{name: "the wish goes from one digest to another and back", tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		w.before = append(w.before, w.complete(w.release(s, "app", image1)))
		w.a = w.complete(w.release(s, "app", image2))
		w.b = w.complete(w.release(s, "app", image1))
		w.tag("app:prod", digest1, digest2)
	}},
	{name: "a rollback revives the first deployment", tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		image2, _ := w.push("app", "v2")
		w.before = append(w.before, w.complete(w.release(s, "app", image1)))
		bad := w.release(s, "app", image2)
		failed, err := bad.Fail(w.later(), "")
		w.must(err)
		revived, _, err := bad.RollBack(w.later())
		w.must(err)
		w.a = failed
		w.b = w.complete(revived)
		w.tag("app:prod", digest1)
	}},
	{name: "two services share a tag", tell: func(w *world) {
		one, two := w.service("prod", "one"), w.service("prod", "two")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		w.a = w.complete(w.release(one, "app", image1))
		w.b = w.complete(w.release(two, "app", image2))
		w.tag("app:prod", digest2, digest1)
	}},
	{name: "another service's wish goes back to the digest that the tag is on", tell: func(w *world) {
		one, two := w.service("prod", "one"), w.service("prod", "two")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		w.before = append(w.before, w.complete(w.release(two, "app", image1)))
		w.a = w.complete(w.release(one, "app", image2))
		w.b = w.complete(w.release(two, "app", image1))
		w.tag("app:prod", digest1, digest2)
	}},
	{name: "the winner leaves the repository while another claims", tell: func(w *world) {
		one, two := w.service("prod", "one"), w.service("prod", "two")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		image3, digest3 := w.push("app", "v3")
		other, otherDigest := w.push("other", "v1")
		w.before = append(w.before,
			w.complete(w.release(two, "app", image1)),
			w.complete(w.release(one, "app", image2)))
		// The other's new claim is older than the winner's end, and may be written after it.
		w.b = w.complete(w.release(two, "app", image3))
		w.a = w.complete(w.release(one, "app", other))
		w.tag("app:prod", digest3, digest1, digest2)
		w.tag("other:prod", otherDigest)
	}},
	{name: "the winner leaves, and the other's late completion is older than its own", tell: func(w *world) {
		one, two := w.service("prod", "one"), w.service("prod", "two")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		image3, digest3 := w.push("app", "v3")
		other, otherDigest := w.push("other", "v1")
		first := w.complete(w.release(two, "app", image1))
		w.b = w.complete(w.release(two, "app", image3))
		w.before = append(w.before, first, w.complete(w.release(one, "app", image2)))
		w.a = w.complete(w.release(one, "app", other))
		w.tag("app:prod", digest3, digest1, digest2)
		w.tag("other:prod", otherDigest)
	}},
	{name: "a promotion after a deployment", tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		_, digest2 := w.push("app", "v2")
		w.a = w.complete(w.release(s, "app", image1))
		w.b = w.promote("app", digest2, "prod")
		w.tag("app:prod", digest2, digest1)
	}},
	{name: "a deployment after a promotion", tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		_, digest2 := w.push("app", "v2")
		w.a = w.promote("app", digest2, "prod")
		w.b = w.complete(w.release(s, "app", image1))
		w.tag("app:prod", digest1, digest2)
	}},
	{name: "two promotions of one tag", tell: func(w *world) {
		_, digest1 := w.push("app", "v1")
		_, digest2 := w.push("app", "v2")
		w.a = w.promote("app", digest1, "live", "stable")
		w.b = w.promote("app", digest2, "live")
		w.tag("app:live", digest2, digest1)
		w.tag("app:stable", digest1)
	}},
	{name: "the winner leaves the tag to a promotion", tell: func(w *world) {
		one := w.service("prod", "one")
		image1, digest1 := w.push("app", "v1")
		_, digest2 := w.push("app", "v2")
		other, otherDigest := w.push("other", "v1")
		w.b = w.promote("app", digest2, "prod")
		w.before = append(w.before, w.complete(w.release(one, "app", image1)))
		w.a = w.complete(w.release(one, "app", other))
		w.tag("app:prod", digest2, digest1)
		w.tag("other:prod", otherDigest)
	}},
	{name: "two containers in two repositories with two tags", rules: tagalong.Rules{{Environment: "prod", Tags: []string{"{environment}", "{environment}-{container}"}}}, tell: func(w *world) {
		s := w.service("prod", "app")
		app1, appDigest1 := w.push("app", "v1")
		app2, appDigest2 := w.push("app", "v2")
		web1, webDigest1 := w.push("web", "v1")
		web2, webDigest2 := w.push("web", "v2")
		w.a = w.complete(w.release(s, "app", app1, "web", web1))
		w.b = w.complete(w.release(s, "app", app2, "web", web2))
		w.tag("app:prod", appDigest2, appDigest1)
		w.tag("app:prod-app", appDigest2, appDigest1)
		w.tag("web:prod", webDigest2, webDigest1)
		w.tag("web:prod-web", webDigest2, webDigest1)
	}},
	{name: "many containers leave a repository while another claims", rules: threeTags, stops: writes, tell: func(w *world) {
		one, two := w.service("prod", "one"), w.service("prod", "two")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		image3, digest3 := w.push("app", "v3")
		other, otherDigest := w.push("other", "v1")
		w.before = append(w.before,
			w.complete(w.release(two, "app", image1)),
			w.complete(w.releaseMany(one, tagsToCome, image2)))
		w.b = w.complete(w.release(two, "app", image3))
		w.a = w.complete(w.releaseMany(one, tagsToCome, other))
		for _, tag := range []string{"prod", "prod-a", "prod-b"} {
			w.tag("app:"+tag, digest3, digest1, digest2)
			w.tag("other:"+tag, otherDigest)
		}
	}},
	{name: "so many containers leave a repository and come back that their places are not written at once, either", stops: writes, tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		other, otherDigest := w.push("other", "v1")
		_, digest3 := w.push("other", "v2")
		w.before = append(w.before, w.promote("other", digest3, "prod"), w.complete(w.releaseMany(s, placesToCome, image1)))
		w.a = w.complete(w.releaseMany(s, placesToCome, other))
		w.b = w.complete(w.releaseMany(s, placesToCome, image2))
		w.tag("app:prod", digest2, digest1)
		w.tag("other:prod", digest3, otherDigest)
	}},
	{name: "a platform's digest proves its index", tell: func(w *world) {
		s := w.sandbox.ECS.Cluster(wire.Scope{}, "prod").CreateService("app", ecs.ServiceOptions{ReportPlatform: "linux/arm64"})
		r := w.sandbox.ECR.Repository(wire.Scope{}, "app")
		index1, err := r.PushIndex(ecr.Index{Seed: "1", Tags: []string{"v1"}})
		w.must(err)
		index2, err := r.PushIndex(ecr.Index{Seed: "2", Tags: []string{"v2"}})
		w.must(err)
		w.a = w.complete(w.release(s, "app", r.URI()+":v1"))
		w.b = w.complete(w.release(s, "app", r.URI()+":v2"))
		w.tag("app:prod", index2.Digest, index1.Digest, index1.ARM64, index2.ARM64)
	}},
}

func newWorld(t *testing.T, s story) *world {
	t.Helper()
	w := &world{
		t:       t,
		sandbox: sandbox.New(sandbox.Options{}),
		at:      time.Now().UTC().Truncate(time.Second).Add(-24 * time.Hour),
		story:   s,
		want:    map[string]digest.Digest{},

		promotions: map[string]reactor.Promotion{},
		lates:      map[string]*late{},
		allowed:    map[string][]digest.Digest{},
	}
	s.tell(w)
	return w
}

// split returns repository and tag of repository:tag.
func split(name string) (repository, tag string) {
	for i := range name {
		if name[i] == ':' {
			return name[:i], name[i+1:]
		}
	}
	panic(fmt.Sprintf("%q is no repository:tag", name))
}

func named(name string) story {
	return stories[slices.IndexFunc(stories, func(s story) bool { return s.name == name })]
}
