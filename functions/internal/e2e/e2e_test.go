//go:build e2e

package e2e

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

func TestTheModule(t *testing.T) {
	w := newWorld(t)
	suite := newSuite(t)
	if !t.Run("side by side", func(t *testing.T) { // since apply mostly waits
		t.Run("one apply installs everything", func(t *testing.T) { t.Parallel(); w.apply(t) })
		t.Run("a plan tells the policies in the world of the functions' own tests", func(t *testing.T) { t.Parallel(); suite.plan(t) })
	}) {
		return
	}
	checkout := w.release(t, "checkout-api", ecs.ServiceOptions{})
	t.Run("a deployment's event moves the tag to the deployed digest in ECR", func(t *testing.T) { w.theTag(t, checkout) })
	t.Run("its rows are in DynamoDB", func(t *testing.T) { w.theRows(t, checkout) })
	t.Run("the history function answers at its URL whoever is named, and nobody else", func(t *testing.T) { w.theAnswer(t, checkout) })
	t.Run("a legacy service is found, and its tasks tell the digest", w.theLegacy)
	t.Run("a pipeline's events give its release to what it deploys", w.theRelease)
	t.Run("a release that was rolled back has failed, and the tag stays", w.theRollback)
	t.Run("CodeDeploy's events move the tag, and the pipeline's give the release", w.theShift)
	t.Run("what a member account forwards is taken from a bus of its own, and of nobody else", w.theForwarded)
	t.Run("where nothing runs, a guess moves no tag", w.theIdle)
	t.Run("the action tagimage answers its job", w.theTagging)
	t.Run("the action imagedefinitions answers its job", w.theDefinitions)
	t.Run("a job that CodePipeline does not know changes nothing", w.theForgery)
	t.Run("a pipeline's role may call the two actions alone", w.thePipelinesRole)
	t.Run("events that come together are done, and of them a malformed one alone lies whole in the dead-letter queue", w.batch)
	t.Run("what a function may not take waits in its queue until it may", w.untaken)
	t.Run("a poison event is tried for its day, lies whole in the dead-letter queue, and is replayed", w.poison)
	t.Run("an event that cannot be handed over lies whole in the rule's dead-letter queue, and is replayed", w.undelivered)
	t.Run("a role without ecr:PutImage is denied it, the event ends in the dead-letter queue, and is replayed", w.denied)
	t.Run("a sweep learns what no event told, and moves its tag", w.theUnheard)
	t.Run("a sweep puts a tag back that was moved by hand", w.theMoved)
	t.Run("a sweep by hand without variables takes the rules of the table, and other ones are refused", w.theForgotten)
	t.Run("a sweep retires a deleted service, and removes its tag where the image has another one", w.theDeleted)
	t.Run("a cluster that is left out wakes nothing, and the sweep skips it", w.theLeftOut)
	t.Run("rollouts that ended are announced on the bus, and what a sweep healed", w.theAnnouncements)
	t.Run("nothing else is in a dead-letter queue", w.theRest)
	t.Run("every function has the least privilege", func(t *testing.T) { w.leastPrivilege(t, suite) })
	t.Run("a second plan is empty", w.planNothing)
	t.Run("destroy is clean", w.destroy)
}
