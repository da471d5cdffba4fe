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
	build44        = "9015527743608913422"
	worker         = "checkout-worker"
	worker41       = "2917740385162094453"
	worker42       = "6081553294407718836"
	envoy          = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"
	envoyDigest    = "sha256:84532b306f259587c364bd7301e0813963d5b84fd27c9338f0862dab8f0499d7"
	stagingRole    = "arn:aws:iam::" + stagingAccount + ":role/tagalong"

	stagingDeployRole = "arn:aws:iam::" + stagingAccount + ":role/" + pipelineName

	sandboxRules    = `[{"environment":"staging","accounts":["444455556666"],"clusters":["staging-*"]},{"environment":"prod","clusters":["prod-*"]}]`
	sandboxAccounts = `[{"account":"` + stagingAccount + `","role":"` + stagingRole + `"}]`
)

// theDay is when the story plays, UTC.
var theDay = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

func at(hour, minute, second, ms int) time.Time {
	return theDay.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + time.Duration(ms)*time.Millisecond)
}

const opening = "An embedded CodePipeline, DynamoDB, ECR, ECS, S3 and STS, and two services: checkout-api, staging in account " + stagingAccount + " and prod in " + account + ", and checkout-worker in prod.\n" +
	"Every step is what EventBridge or CodePipeline would deliver, handled by the code of the Lambda functions.\n"

// step is one thing that happens in the story.
type step struct {
	says    string
	happens []happening
}

// happening gives an event that EventBridge delivers, or the job of an action.
type happening func() ([]byte, error)

// steps are the story: a pipeline brings builds to staging and to prod, a bad one is
// rolled back, a tag cannot be moved, and events come late and twice.
func (st *stage) steps() []step {
	var bad, revived *ecs.Deployment
	var lost []byte
	var good, failing *production
	return []step{
		{"Build 41 has been rolled out to prod. A tag is put on its digest.", []happening{func() ([]byte, error) {
			first, started, err := st.release(st.prod, "build-41", at(8, 2, 11, 480))
			if err != nil {
				return nil, err
			}
			lost = started // it comes in the end
			return st.complete(first, at(8, 5, 37, 912))
		}}},
		{"Build 41 runs in staging too, in another account: its ECS is read through a role, and its tag moves in our repository, since the rule of staging names that account.", []happening{func() ([]byte, error) {
			return st.rollOut(st.staging, "build-41", at(8, 20, 5, 0), at(8, 24, 40, 118))
		}}},
		{"The worker is rolled out to prod. The tags of its repository are immutable, and prod is a new one.", []happening{func() ([]byte, error) {
			return st.rollOut(st.worker, "build-41", at(8, 38, 0, 0), at(8, 40, 12, 650))
		}}},
		{"A commit has started the pipeline " + pipelineName + ", and build 42 is pushed. The action imagedefinitions writes which image is to be deployed, by its digest.", []happening{func() (event []byte, err error) {
			if good, err = st.produce("build-42", at(8, 48, 20, 0)); err != nil {
				return nil, err
			}
			if err := good.enter(stagingStage, at(8, 52, 0, 0)); err != nil {
				return nil, err
			}
			return good.pin(at(8, 52, 1, 250))
		}}},
		{"The pipeline deploys that to staging. As the stage ends, the rollout learns its release and its commit.", []happening{
			func() ([]byte, error) {
				return good.rollOut(st.staging, stagingDeployRole, at(8, 52, 20, 0), at(8, 56, 47, 332))
			},
			func() ([]byte, error) { return good.succeed(at(8, 56, 50, 0)) },
		}},
		{"In the stage for prod the action tagimage promotes the image: " + candidate + " is on what may go to prod next, whatever becomes of it.", []happening{func() ([]byte, error) {
			if err := good.enter(prodStage, at(9, 14, 0, 0)); err != nil {
				return nil, err
			}
			return good.promote(at(9, 14, 40, 0))
		}}},
		{"Build 42 begins to roll out in prod. Nothing has completed, so the tag prod does not move; it is listed as rolling out.", []happening{
			func() ([]byte, error) { return good.deployTo(st.prod, "", at(9, 15, 0, 0)) },
			func() ([]byte, error) {
				_, event, err := good.release(st.prod, at(9, 15, 2, 318))
				return event, err
			},
		}},
		{"It completes: the ledger decides, the tag follows. The pipeline's stage ends.", []happening{
			func() ([]byte, error) { return st.complete(st.prod.Primary(), at(9, 18, 41, 77)) },
			func() ([]byte, error) { return good.succeed(at(9, 18, 44, 0)) },
		}},
		{"The worker's build 42 is rolled out to prod. Its tag should follow and cannot, being immutable: the ledger knows what runs all the same, and what would let the tag move.", []happening{func() ([]byte, error) {
			return st.rollOut(st.worker, "build-42", at(9, 30, 0, 0), at(9, 33, 8, 240))
		}}},
		{"The next commit: build 43 is pinned and goes to staging.", []happening{
			func() (event []byte, err error) {
				if failing, err = st.produce("build-43", at(9, 58, 3, 0)); err != nil {
					return nil, err
				}
				if err := failing.enter(stagingStage, at(10, 2, 10, 0)); err != nil {
					return nil, err
				}
				return failing.pin(at(10, 2, 11, 90))
			},
			func() ([]byte, error) {
				return failing.rollOut(st.staging, stagingDeployRole, at(10, 2, 30, 0), at(10, 6, 55, 803))
			},
			func() ([]byte, error) { return failing.succeed(at(10, 6, 58, 0)) },
		}},
		{"Build 43 is promoted, and begins to roll out in prod.", []happening{
			func() ([]byte, error) {
				if err := failing.enter(prodStage, at(10, 30, 0, 0)); err != nil {
					return nil, err
				}
				return failing.promote(at(10, 31, 10, 0))
			},
			func() ([]byte, error) { return failing.deployTo(st.prod, "", at(10, 31, 38, 0)) },
			func() (event []byte, err error) {
				bad, event, err = failing.release(st.prod, at(10, 31, 40, 0))
				return event, err
			},
		}},
		{"Its tasks do not start there: the circuit breaker ends it. The tag stays on what runs.", []happening{func() ([]byte, error) {
			st.clock.set(at(10, 42, 17, 530))
			return bad.Fail(st.clock.now(), "ECS deployment circuit breaker: tasks failed to start.")
		}}},
		{"ECS rolls back to build 42, under its old deployment id; the pipeline's stage has failed.", []happening{
			func() (event []byte, err error) {
				st.clock.set(at(10, 42, 17, 944))
				revived, event, err = bad.RollBack(st.clock.now())
				return event, err
			},
			func() ([]byte, error) { return failing.fail(at(10, 42, 31, 0)) },
		}},
		{"The rollback completes: the same deployment completes a second time, as a rollout of its own.", []happening{func() ([]byte, error) {
			return st.complete(revived, at(10, 47, 33, 206))
		}}},
		{"The start of build 41 arrives, hours late. It is a fact about build 41, not about now: the history learns when it started, nothing else changes.", []happening{func() ([]byte, error) {
			st.clock.set(at(10, 50, 0, 0))
			return lost, nil
		}}},
		{"And the rollback's completion is delivered twice. ECR is compared once more, nothing is written.", []happening{func() ([]byte, error) {
			st.clock.set(at(10, 51, 0, 0))
			events := st.aws.ECS.Events()
			return events[len(events)-1], nil
		}}},
	}
}

// question is asked in the end, by the command that stands there.
type question struct{ says, command string }

func (st *stage) questions() []question {
	return []question{
		{"What has happened to checkout-api in prod?", "tagalong history --service prod-cluster/checkout-api"},
		{"What was the release of build 42, and what did it put in place?", "tagalong release " + st.releaseOf("build-42")},
		{"And that of build 43?", "tagalong release " + st.releaseOf("build-43")},
		{"What ran in prod at nine?", "tagalong running prod@2026-03-04T09:00Z"},
		{"Where does the sidecar run?", "tagalong where appmesh/aws-appmesh-envoy"},
		{"What has staging that prod has not?", "tagalong diff staging prod"},
		{"Which tags are not where they should be?", "tagalong tags --pending"},
	}
}

// releaseOf names the execution of the pipeline that brought a build.
func (st *stage) releaseOf(build string) string {
	return pipelineName + "/" + st.productions[build].ID()
}

// release deploys a build by hand.
func (st *stage) release(a app, build string, at time.Time) (*ecs.Deployment, []byte, error) {
	return st.start(a, a.images.URI()+":"+build, at)
}

// start deploys an image beside an envoy that lies in a public registry.
func (st *stage) start(a app, image string, at time.Time) (*ecs.Deployment, []byte, error) {
	st.clock.set(at)
	return a.Release(at, ecs.Container{Name: a.name, Image: image}, ecs.Container{Name: "envoy", Image: envoy})
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
