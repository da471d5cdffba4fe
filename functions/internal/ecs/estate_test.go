package ecs

import (
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheEstatesContractOnTheSandbox(t *testing.T) {
	tagalongtest.EstateSuite(t, func(t *testing.T) (tagalongtest.PreparedEstate, tagalongtest.EstateWorld) {
		s := sandboxtest.Start(t)
		e := estateOn(s)
		return e, estateWorld{chroniclerWorld{sandboxWorld{s, e.Workload, map[string]*ecs.Deployment{}}}}
	})
}

func TestTheEstateKeepsTheWorkloadsContract(t *testing.T) {
	tagalongtest.WorkloadSuite(t, func(t *testing.T) (tagalong.Workload, tagalongtest.WorkloadWorld) {
		s := sandboxtest.Start(t)
		e := estateOn(s)
		return e, forgetting{sandboxWorld{s, e.Workload, map[string]*ecs.Deployment{}}, e}
	})
}

// forgetting lets the estate forget, too, what it may keep until it prepares anew.
type forgetting struct {
	sandboxWorld
	estate *Estate
}

func (w forgetting) Forget(t *testing.T, s tagalong.Service, deployment string) {
	w.sandboxWorld.Forget(t, s, deployment)
	w.estate.revisions.reset()
}

func estateOn(s *sandboxtest.Sandbox) *Estate { return &Estate{Workload: on(s)} }

// estateWorld sets up the sandbox's ECS.
type estateWorld struct{ chroniclerWorld }

func (w estateWorld) Fail(t *testing.T, _ tagalong.Service, deployment string, at time.Time) {
	t.Helper()
	_, err := w.deployments[deployment].Fail(at, "")
	ok(t, err)
}

func (w estateWorld) Delete(_ *testing.T, s tagalong.Service, at time.Time) {
	w.ECS.Cluster(wire.Scope{Account: s.Account, Region: s.Region}, s.Cluster).Service(s.Name).Delete(at)
}
