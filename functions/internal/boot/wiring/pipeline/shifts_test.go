package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codedeploy"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// shifting is a service that CodeDeploy deploys, with a first task set of v1 that
// CreateService made.
type shifting struct {
	*world
	group   *codedeploy.Group
	service *ecs.Service
}

func (w *world) shifting() shifting {
	w.t.Helper()
	s := shifting{world: w, service: w.ECS.Cluster(wire.Scope{}, "prod").CreateService("web", ecs.ServiceOptions{Controller: "CODE_DEPLOY", DesiredCount: 2})}
	_, err := s.service.CreateTaskSet(s.version("v1"), ecs.TaskSetOptions{}, w.tick())
	w.run(nil, err)
	s.group = w.CodeDeploy.Application(wire.Scope{}, "AppECS-web").Group("DgpECS-web", s.service)
	return s
}

// version returns a task definition of it.
func (s shifting) version(version string) string {
	s.t.Helper()
	s.push(ecr.Image{Seed: version, Tags: []string{version}})
	arn, err := s.ECS.Register(s.Home(), "web", ecs.Container{Name: "app", Image: s.repo.URI() + ":" + version})
	s.run(nil, err)
	return arn
}

// shift deploys a version and returns CodeDeploy's events up to its end.
func (s shifting) shift(version, ending string) (*codedeploy.Deployment, [][]byte) {
	s.t.Helper()
	d, start, err := s.group.Deploy(s.version(version), s.tick())
	s.run(start, err)
	told := [][]byte{start, s.run(d.Ready(s.tick()))}
	switch ending {
	case "succeeds":
		told = append(told, s.run(d.Succeed(s.tick())))
	case "fails":
		told = append(told, s.run(d.Fail(s.tick(), "")))
	case "is stopped":
		told = append(told, s.run(d.Stop(s.tick())))
	case "is rolled back":
		s.run(nil, d.Deployment(s.tick()))
		told = append(told, s.run(d.Fail(s.tick(), "an alarm rang")))
		back, start, err := d.RollBack(s.tick())
		s.run(start, err)
		told = append(told, start, s.run(back.Succeed(s.tick())))
	}
	return d, told
}

func toCodeDeploy() codepipeline.ActionOptions {
	return codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Deploy", Provider: "CodeDeployToECS"},
		Configuration: map[string]string{"ApplicationName": "AppECS-web", "DeploymentGroupName": "DgpECS-web"},
	}
}

// byPipeline deploys a version with a stage and returns the events of CodeDeploy and
// those of the pipeline.
func (s shifting) byPipeline(version, ending string) (ofCodeDeploy, ofPipeline [][]byte) {
	s.t.Helper()
	st := s.stage(s.begin(), "DeployProd")
	a, acting := s.act(st, "BlueGreen", toCodeDeploy())
	d, ofCodeDeploy := s.shift(version, ending)
	result := codepipeline.Result{ExternalID: d.ID()}
	if ending == "succeeds" {
		return ofCodeDeploy, [][]byte{acting, s.run(a.Succeed(result, s.tick())), s.run(st.Finish(codepipeline.Succeeded, s.tick()))}
	}
	return ofCodeDeploy, [][]byte{acting, s.run(a.Fail(result, s.tick())), s.run(st.Finish(codepipeline.Failed, s.tick()))}
}

func TestCodeDeployAndThePipelineTellOfOneRollout(t *testing.T) {
	const by = " by checkout-release/DeployProd 4f2a9c1"
	for _, test := range []struct {
		ending string
		rows   []string
		tag    string
	}{
		{"succeeds", []string{"completed v2 task" + by}, "v2"},
		{"fails", []string{"failed v2 task" + by}, ""},
		{"is stopped", []string{"failed v2 task" + by}, ""},
		{"is rolled back", []string{"failed v2 task" + by, "completed back v1 task" + by}, "v1"},
	} {
		for how, order := range map[string]func(ofCodeDeploy, ofPipeline [][]byte) [][]byte{
			"CodeDeploy first":      func(c, p [][]byte) [][]byte { return append(c, p...) },
			"the pipeline first":    func(c, p [][]byte) [][]byte { return append(p, c...) },
			"the pipeline alone":    func(_, p [][]byte) [][]byte { return p },
			"nothing but the stage": func(_, p [][]byte) [][]byte { return p[2:] },
			"all of it backwards": func(c, p [][]byte) [][]byte {
				all := append(c, p...)
				slices.Reverse(all)
				return all
			},
		} {
			t.Run("it "+test.ending+", "+how, func(t *testing.T) {
				s := newWorld(t, nil).shifting()
				c, p := s.byPipeline("v2", test.ending)
				s.hear(order(c, p)...)
				want(t, "rows", s.rows(s.service), test.rows...)
				if got := s.tag("prod"); got != test.tag {
					t.Errorf("the tag is on %q", got)
				}
			})
		}
		t.Run("it "+test.ending+", CodeDeploy alone", func(t *testing.T) {
			s := newWorld(t, nil).shifting()
			_, told := s.shift("v2", test.ending)
			s.hear(told...)
			var rows []string
			for _, row := range test.rows {
				rows = append(rows, strings.TrimSuffix(row, by))
			}
			want(t, "rows", s.rows(s.service), rows...)
			if got := s.tag("prod"); got != test.tag {
				t.Errorf("the tag is on %q", got)
			}
		})
	}
}

// Before the traffic is there no tag moves: READY and the shift say nothing.
func TestAShiftIsARolloutOnceItSucceeded(t *testing.T) {
	s := newWorld(t, nil).shifting()
	d, told := s.shift("v2", "")
	s.hear(told...)
	want(t, "rows", s.rows(s.service), "in_progress v2 task")
	s.run(nil, d.Deployment(s.tick()))
	s.hear(told...)
	if s.tag("prod") != "" {
		t.Errorf("the tag is on %q", s.tag("prod"))
	}
	s.hear(s.run(d.Succeed(s.tick())))
	want(t, "rows", s.rows(s.service), "completed v2 task")
	if s.tag("prod") != "v2" {
		t.Errorf("the tag is on %q", s.tag("prod"))
	}
}

// The tag in the task definition has moved on: it is the tasks that tell.
func TestTheDigestIsThatOfThePrimaryTaskSetsTasks(t *testing.T) {
	s := newWorld(t, nil).shifting()
	d, _ := s.shift("v2", "")
	was := s.repo.Tag("v2")
	s.push(ecr.Image{Seed: "newer", Tags: []string{"v2"}})
	s.hear(s.run(d.Succeed(s.tick())))
	if on := s.repo.Tag("prod"); on != was || on == s.repo.Tag("v2") {
		t.Errorf("the tag is on %s, want %s", on, was)
	}
}

func TestADeploymentThatHasNotStartedSaysNothingYet(t *testing.T) {
	s := newWorld(t, nil).shifting()
	st := s.stage(s.begin(), "DeployProd")
	a, acting := s.act(st, "BlueGreen", toCodeDeploy())
	s.hear(acting) // CodeDeploy has no deployment yet
	d, err := s.group.Create(s.version("v2"), s.tick())
	s.run(nil, err)
	s.hear(acting)
	want(t, "rows", s.rows(s.service))
	start := s.run(d.Start(s.tick()))
	s.hear(start) // it has no task set yet
	want(t, "rows", s.rows(s.service))
	s.run(nil, d.Install(s.tick()))
	s.hear(s.run(d.Succeed(s.tick())))
	s.hear(s.run(a.Succeed(codepipeline.Result{}, s.tick())))
	want(t, "rows", s.rows(s.service), "completed v2 task by checkout-release/DeployProd 4f2a9c1")
}

func TestAShiftThatIsNotOurs(t *testing.T) {
	for _, test := range []struct {
		name  string
		rules string
		group func(*world, shifting) *codedeploy.Group
	}{
		{"a service of no rule", `[{"environment":"prod","services":["checkout-*"]}]`, func(_ *world, s shifting) *codedeploy.Group { return s.group }},
		{"servers", "", func(w *world, _ shifting) *codedeploy.Group {
			return w.CodeDeploy.Application(wire.Scope{}, "Servers").Group("all", nil)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{boot.EnvEnvironments: test.rules})
			s := w.shifting()
			d, err := test.group(w, s).Create(s.version("v2"), w.tick())
			w.run(nil, err)
			outcomes := w.hear(w.run(d.Start(w.tick())))
			if len(outcomes) != 1 || !outcomes[0].Unmanaged && !outcomes[0].Unhandled {
				t.Errorf("outcomes %+v", outcomes)
			}
			want(t, "rows", s.rows(s.service))
		})
	}
}

func TestCodeDeploysRefusalNamesTheOperation(t *testing.T) {
	for operation, told := range map[string]func(ofCodeDeploy, ofPipeline [][]byte) [][]byte{
		"GetDeployment":             func(c, p [][]byte) [][]byte { return append(c, p[1:]...) },
		"ListDeploymentTargets":     func(c, p [][]byte) [][]byte { return append(c, p[1:]...) },
		"BatchGetDeploymentTargets": func(c, p [][]byte) [][]byte { return append(c, p[1:]...) },
		"ListDeployments":           func(_, p [][]byte) [][]byte { return p },
	} {
		t.Run(operation, func(t *testing.T) {
			s := newWorld(t, nil).shifting()
			c, p := s.byPipeline("v2", "succeeds")
			s.CodeDeploy.Deny(operation)
			for _, event := range told(c, p) {
				_, err := s.follower.Handle(t.Context(), event)
				if err == nil || !strings.Contains(err.Error(), operation) || !strings.Contains(err.Error(), "AccessDenied") {
					t.Errorf("error %v of %s", err, event)
				}
			}
			s.CodeDeploy.Permit(operation)
			s.hear(p[2])
			want(t, "rows", s.rows(s.service), "completed v2 task by checkout-release/DeployProd 4f2a9c1")
		})
	}
}
