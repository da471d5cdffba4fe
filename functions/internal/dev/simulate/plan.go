package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// plan draws what happens to the inventory in a year. That one rollout comes while
// another is under way is not rare: one in ten follows upon the heels of the last.
func (y *year) plan() {
	for n := 0; n < y.size.rollouts; n++ {
		t := y.services[y.dice.IntN(len(y.services))]
		at := start.Add(time.Duration(y.dice.Int64N(int64(days * 24 * time.Hour))))
		y.at(at, y.step(func() { y.deploy(t) }))
		if y.chance(10) && n+1 < y.size.rollouts {
			n++
			y.at(at.Add(y.between(time.Minute, 5*time.Minute)), y.step(func() { y.deploy(t) }))
		}
	}
	for range y.size.rollouts / 100 {
		t := y.services[y.dice.IntN(len(y.services))]
		y.at(start.Add(time.Duration(y.dice.Int64N(int64(days*24*time.Hour)))), y.step(func() { y.remove(t) }))
	}
	for range y.size.rollouts / 50 {
		t := y.services[y.dice.IntN(len(y.services))]
		y.at(start.Add(time.Duration(y.dice.Int64N(int64(days*24*time.Hour)))), y.step(func() { y.meddle(t) }))
	}
}

// step is something that happens to the inventory, whose events are then on their way.
func (y *year) step(do func()) func(context.Context) error {
	return func(context.Context) error {
		do()
		y.send()
		return nil
	}
}

// chance is true once in so many times.
func (y *year) chance(in int) bool { return y.dice.IntN(in) == 0 }

func (y *year) between(least, most time.Duration) time.Duration {
	return least + time.Duration(y.dice.Int64N(int64(most-least)))
}

// deploy starts a rollout, and draws how it ends.
func (y *year) deploy(t *observedService) {
	y.result.rollouts++
	if underWay, _ := y.inventory.UnderWay(t.service); underWay {
		y.result.unhappy++ // the one before
	}
	d, wish := y.build(t)
	t.deployment = y.inventory.Deploy(t.service, d)
	y.images[t.deployment] = wish.Digest
	id := t.deployment
	if y.chance(50) {
		y.in(y.between(time.Minute, 15*time.Minute), y.endBeside(t, id, y.now))
		return
	}
	y.in(y.between(time.Minute, 8*time.Minute), y.step(func() { y.end(t, id) }))
}

// build pushes a new image, and returns what is deployed and what is to be tagged:
// every tenth is an index, of which ECS reports a platform's image.
func (y *year) build(t *observedService) (tagalongtest.Deployment, tagalong.Manifest) {
	seed, tag := fmt.Sprintf("%s %d", t.repository.Name, y.result.rollouts), fmt.Sprintf("build-%d", y.result.rollouts)
	image := tagalongtest.Image(seed)
	runs := image
	if y.chance(10) && !t.reads { // of a tag that moves on nobody can tell which index it was
		index, children := tagalongtest.Index(seed)
		for _, child := range children {
			y.registry.Push(t.repository, child)
		}
		image, runs = index, children[1]
	}
	y.registry.Push(t.repository, image, tag)
	if t.reads {
		tag = y.environment(t)
		y.push(t, image)
	}
	app := tagalong.Ran{Name: "app", Image: t.repository.String() + ":" + tag, Digest: runs.Digest}
	return tagalongtest.Deployment{
		TaskDefinition: fmt.Sprintf("arn:aws:ecs:%s:%s:task-definition/%s:%d", region, t.service.Account, t.service.Name, y.result.rollouts),
		Revised:        append([]tagalong.Ran{app, logRouter}, y.sidecars(t)...),
	}, image
}

// sidecars are so many, each from another repository with every rollout, that what
// changes does not fit into one transaction.
func (y *year) sidecars(t *observedService) (all []tagalong.Ran) {
	for i := range t.sidecars {
		name := fmt.Sprintf("sidecar-%02d", i)
		image := fmt.Sprintf("docker.io/%s/%s", []string{"old", "new"}[y.result.rollouts%2], name)
		all = append(all, tagalong.Ran{Name: name, Image: image + ":1", Digest: tagalongtest.Image(image).Digest})
	}
	return all
}

// end ends a rollout, unless a newer one has taken its place or the service is gone.
func (y *year) end(t *observedService, id string) {
	underWay, back := y.inventory.UnderWay(t.service)
	if !underWay || t.deployment != id {
		return
	}
	rollBack := func() {
		if back {
			y.in(y.between(time.Minute, 5*time.Minute), y.step(func() { y.endRollback(t, id) }))
		}
	}
	switch n := y.dice.IntN(100); {
	case n < 82:
		y.complete(t)
	case n < 92:
		y.result.unhappy++
		y.inventory.Fail(t.service, true)
		rollBack()
	case n < 94:
		y.result.unhappy++
		y.inventory.Fail(t.service, false)
	case n < 97 && back:
		y.result.unhappy++
		y.inventory.RollBack(t.service)
		rollBack()
	default:
		y.result.unhappy++ // it never ends
	}
}

func (y *year) complete(t *observedService) {
	y.inventory.Complete(t.service)
	t.completed = y.now.Add(-y.lag)
}

// endRollback ends the rollback of a rollout, mostly well.
func (y *year) endRollback(t *observedService, id string) {
	underWay, _ := y.inventory.UnderWay(t.service)
	switch {
	case !underWay || t.deployment != id:
	case y.chance(20):
		y.inventory.Fail(t.service, true)
	default:
		y.complete(t)
	}
}

func (y *year) remove(t *observedService) {
	if y.inventory.Exists(t.service) {
		y.result.deleted++
		y.inventory.Delete(t.service)
	}
}

// meddle moves a tag of an environment by hand.
func (y *year) meddle(t *observedService) {
	if _, there := y.registry.Tags(t.repository)[y.environment(t)]; !there {
		return
	}
	y.result.meddled++
	y.push(t, tagalongtest.Image(fmt.Sprint("by hand ", y.result.meddled)))
}

// push puts the tag of a service's environment on an image, as a build or a person does.
func (y *year) push(t *observedService, image tagalong.Manifest) {
	y.registry.Push(t.repository, image, y.environment(t))
	if t.reads {
		y.pushed[tagalong.TagID{Repository: t.repository, Tag: y.environment(t)}] = image.Digest
	}
}

func (y *year) environment(t *observedService) string {
	policy, _ := y.sweeper.Reactor.Rules.For(t.service)
	return policy.Environment
}

// logRouter is a sidecar from a registry of AWS's own, which answers nobody else.
var logRouter = tagalong.Ran{
	Name:   "log_router",
	Image:  "906394416424.dkr.ecr.us-east-1.amazonaws.com/aws-for-fluent-bit:stable",
	Digest: tagalongtest.Image("aws-for-fluent-bit").Digest,
}

// forbid notes what must never be done: a call of a registry that is not ours, and a
// put of a tag that is deployed from.
func (y *year) forbid(what string, id tagalong.TagID) {
	_, read := y.pushed[id]
	if id.Registry != ecrHost || read && what == "put" {
		y.harm = append(y.harm, fmt.Sprintf("%s of %s", what, id))
	}
}
