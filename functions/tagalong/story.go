package main

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// The cast of the story: that of the sample events in events/testdata, and a
// worker beside it.
const (
	account        = "111122223333"
	stagingAccount = "444455556666"
	region         = "us-east-1"
	sandboxTable   = "tagalong"
	repository     = "checkout-api"
	build41        = "5126480937715502841"
	build42        = "7330915268420174663"
	build43        = "8264410957731246980"
	worker         = "checkout-worker"
	worker41       = "2917740385162094453"
	worker42       = "6081553294407718836"
	envoy          = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"
	envoyDigest    = "sha256:84532b306f259587c364bd7301e0813963d5b84fd27c9338f0862dab8f0499d7"
	stagingRole    = "arn:aws:iam::" + stagingAccount + ":role/tagalong"

	sandboxRules    = `[{"environment":"staging","clusters":["staging-*"]},{"environment":"prod","clusters":["prod-*"]}]`
	sandboxAccounts = `[{"account":"` + stagingAccount + `","role":"` + stagingRole + `"}]`
)

// theDay is when the story plays, UTC.
var theDay = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

func at(hour, minute, second, ms int) time.Time {
	return theDay.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + time.Duration(ms)*time.Millisecond)
}

const opening = "An embedded DynamoDB, ECR, ECS and STS, and two services: checkout-api, staging in account " + stagingAccount + " and prod in " + account + ", and checkout-worker in prod.\n" +
	"Every step is an event that EventBridge would deliver, handled by the code of the Lambda function.\n"

// step is one thing that happens in the story.
type step struct {
	says   string
	happen func() ([]byte, error) // gives the event that EventBridge delivers
}

// steps are the story: builds go to staging and to prod, a bad one is rolled back,
// a tag cannot be moved, and events come late and twice.
func (st *stage) steps() []step {
	var bad, revived *ecs.Deployment
	var lost []byte
	return []step{
		{"Build 41 has been rolled out to prod. A tag is put on its digest.", func() ([]byte, error) {
			first, started, err := st.release(st.prod, "build-41", at(8, 2, 11, 480))
			if err != nil {
				return nil, err
			}
			lost = started // it comes in the end
			return st.complete(first, at(8, 5, 37, 912))
		}},
		{"Build 41 runs in staging too, in another account: its ECS is read through a role, its tag is moved in the same repository.", func() ([]byte, error) {
			return st.rollOut(st.staging, "build-41", at(8, 20, 5, 0), at(8, 24, 40, 118))
		}},
		{"The worker is rolled out to prod. The tags of its repository are immutable, and prod is a new one.", func() ([]byte, error) {
			return st.rollOut(st.worker, "build-41", at(8, 38, 0, 0), at(8, 40, 12, 650))
		}},
		{"Build 42 begins to roll out in prod. Nothing has completed, so no tag moves; it is listed as rolling out.", func() ([]byte, error) {
			_, event, err := st.release(st.prod, "build-42", at(9, 15, 2, 318))
			return event, err
		}},
		{"It completes: the ledger decides, the tag follows.", func() ([]byte, error) {
			return st.complete(st.prod.Primary(), at(9, 18, 41, 77))
		}},
		{"The worker's build 42 is rolled out to prod. Its tag should follow and cannot, being immutable: the ledger knows what runs all the same, and what would let the tag move.", func() ([]byte, error) {
			return st.rollOut(st.worker, "build-42", at(9, 30, 0, 0), at(9, 33, 8, 240))
		}},
		{"Build 43 goes to staging.", func() ([]byte, error) {
			return st.rollOut(st.staging, "build-43", at(10, 2, 30, 0), at(10, 6, 55, 803))
		}},
		{"Build 43 begins to roll out in prod.", func() ([]byte, error) {
			var event []byte
			var err error
			bad, event, err = st.release(st.prod, "build-43", at(10, 31, 40, 0))
			return event, err
		}},
		{"Its tasks do not start there: the circuit breaker ends it. The tag stays on what runs.", func() ([]byte, error) {
			st.clock.set(at(10, 42, 17, 530))
			return bad.Fail(st.clock.now(), "ECS deployment circuit breaker: tasks failed to start.")
		}},
		{"ECS rolls back to build 42, under its old deployment id.", func() ([]byte, error) {
			st.clock.set(at(10, 42, 17, 944))
			var event []byte
			var err error
			revived, event, err = bad.RollBack(st.clock.now())
			return event, err
		}},
		{"The rollback completes: the same deployment completes a second time, as a rollout of its own.", func() ([]byte, error) {
			return st.complete(revived, at(10, 47, 33, 206))
		}},
		{"The start of build 41 arrives, hours late. It is a fact about build 41, not about now: the history learns when it started, nothing else changes.", func() ([]byte, error) {
			st.clock.set(at(10, 50, 0, 0))
			return lost, nil
		}},
		{"And the rollback's completion is delivered twice. ECR is compared once more, nothing is written.", func() ([]byte, error) {
			st.clock.set(at(10, 51, 0, 0))
			events := st.aws.ECS.Events()
			return events[len(events)-1], nil
		}},
	}
}

// questions are asked in the end, each with the command that stands there.
var questions = []struct{ says, command string }{
	{"What has happened to checkout-api in prod?", "tagalong history --service prod-cluster/checkout-api"},
	{"What ran in prod at nine?", "tagalong running prod@2026-03-04T09:00Z"},
	{"Where does the sidecar run?", "tagalong where appmesh/aws-appmesh-envoy"},
	{"What has staging that prod has not?", "tagalong diff staging prod"},
	{"Which tags are not where they should be?", "tagalong tags --pending"},
}

// release deploys a build beside an envoy that lies in a public registry.
func (st *stage) release(a app, build string, at time.Time) (*ecs.Deployment, []byte, error) {
	st.clock.set(at)
	return a.Release(at,
		ecs.Container{Name: a.name, Image: a.images.URI() + ":" + build},
		ecs.Container{Name: "envoy", Image: envoy},
	)
}

func (st *stage) complete(d *ecs.Deployment, at time.Time) ([]byte, error) {
	st.clock.set(at)
	return d.Complete(at)
}

// rollOut is a release whose start nobody hears of.
func (st *stage) rollOut(a app, build string, started, completed time.Time) ([]byte, error) {
	d, _, err := st.release(a, build, started)
	if err != nil {
		return nil, err
	}
	return st.complete(d, completed)
}
