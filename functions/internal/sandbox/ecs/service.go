package ecs

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// ServiceOptions are a service's settings. The zero value of each is what a
// service of today has: Fargate, one task, a circuit breaker with rollback.
type ServiceOptions struct {
	DesiredCount int    // 0 means 1; for none, Scale(0) before the first Deploy
	LaunchType   string // FARGATE by default, or EC2
	Controller   string // ECS by default, or CODE_DEPLOY, EXTERNAL: these have task sets instead of deployments
	Strategy     string // ROLLING by default; BLUE_GREEN, LINEAR and CANARY take the same course here

	ShortARN         bool // a legacy ARN, without the cluster's name
	NoCircuitBreaker bool // a bad deployment never fails
	NoRollback       bool // the circuit breaker fails a deployment and leaves it at that
	NoRevisions      bool // a service that has no service revisions yet
	StopTimes        StopTimes
	Traffic          TrafficOptions
	// FailedTasksRunOn leaves the tasks of a deployment that fails: AWS's documents say only
	// that it starts no more of them.
	FailedTasksRunOn bool
	// CleanupInRevisions shows what CleanUp is to stop among the current service revisions
	// alone, and not as a deployment: AWS's documents leave it open.
	CleanupInRevisions bool

	GuardDuty      bool   // ECS adds the GuardDuty agent to the tasks
	ServiceConnect bool   // ECS adds the Service Connect proxy to the tasks
	ReportPlatform string // ECS reports this platform's digest, such as linux/arm64, instead of the index's

	// Numbers are those of the deployments or task sets to come, in order, such as
	// 7330915268420174663; further ones are derived.
	Numbers []string

	Events EventOptions
}

// EventOptions are how a service's events look.
type EventOptions struct {
	NoClusterARN bool          // as AWS's documentation has them
	WholeSeconds bool          // updatedAt without a fraction
	Lag          time.Duration // from updatedAt to the envelope's time; 0 means 7 s
}

// Service is an ECS service in the hands of a story or a test.
type Service struct {
	cluster *Cluster
	name    string
	options ServiceOptions

	createdAt   time.Time
	desired     int
	deleted     bool
	deployments []*Deployment        // all that there ever were, oldest first
	primary     *Deployment          // the one that ECS works towards
	records     []*serviceDeployment // oldest first
	sets        []*TaskSet           // those that are not deleted, oldest first
	messages    []message            // oldest first
}

// message is an entry of DescribeServices' events.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceEvent.html.
type message struct {
	ID   string     `json:"id"`
	At   *wire.Time `json:"createdAt"`
	Text string     `json:"message"`
}

// CreateService makes a service that runs nothing yet, in place of a service
// with that name if there is one.
func (c *Cluster) CreateService(name string, options ServiceOptions) *Service {
	c.scheduler.mu.Lock()
	defer c.scheduler.mu.Unlock()
	if options.LaunchType == "" {
		options.LaunchType = "FARGATE"
	}
	if options.Controller == "" {
		options.Controller = "ECS"
	}
	svc := &Service{
		cluster: c, name: name, options: options,
		createdAt: instant(c.scheduler.options.Now()), desired: max(options.DesiredCount, 1),
	}
	c.services[name] = svc
	return svc
}

// Service gives the service with a name, nil if there is none.
func (c *Cluster) Service(name string) *Service {
	c.scheduler.mu.Lock()
	defer c.scheduler.mu.Unlock()
	return c.services[name]
}

// Name of the service.
func (svc *Service) Name() string { return svc.name }

// Cluster that the service is in.
func (svc *Service) Cluster() *Cluster { return svc.cluster }

// ARN of the service.
func (svc *Service) ARN() string {
	defer svc.lock()()
	return svc.arn()
}

func (svc *Service) arn() string {
	if svc.options.ShortARN {
		return svc.cluster.scope.ARN("ecs", "service/"+svc.name)
	}
	return svc.longARN()
}

func (svc *Service) longARN() string {
	return svc.cluster.scope.ARN("ecs", "service/"+svc.cluster.name+"/"+svc.name)
}

// Primary gives the deployment that ECS works towards, nil if there is none.
func (svc *Service) Primary() *Deployment {
	defer svc.lock()()
	return svc.primary
}

// Update changes the service's settings, at once and for all of its
// deployments.
func (svc *Service) Update(change func(*ServiceOptions)) {
	defer svc.lock()()
	change(&svc.options)
}

// Scale sets the number of tasks, which makes no deployment and no event.
func (svc *Service) Scale(n int) {
	defer svc.lock()()
	svc.scale(n, instant(svc.now()))
}

func (svc *Service) scale(n int, at time.Time) {
	svc.desired = n
	if svc.primary != nil {
		svc.primary.adjust(n, at)
	}
	for _, set := range svc.sets {
		set.adjust(at)
	}
}

// Delete ends a service: its tasks stop, its revisions are gone, and it stays
// visible as INACTIVE till Forget.
func (svc *Service) Delete(at time.Time) {
	defer svc.lock()()
	at = instant(at)
	svc.desired, svc.deleted = 0, true
	for _, t := range svc.tasks() {
		t.stop(at, "ServiceSchedulerInitiated", "Scaling activity initiated by ("+t.starter.described()+")")
	}
}

// Forget removes every trace of a service: it is MISSING.
func (svc *Service) Forget() {
	defer svc.lock()()
	for id, t := range svc.cluster.tasks {
		if t.of(svc) {
			delete(svc.cluster.tasks, id)
		}
	}
	delete(svc.cluster.services, svc.name)
}

// lock guards the whole scheduler; the result undoes it.
func (svc *Service) lock() (unlock func()) {
	svc.cluster.scheduler.mu.Lock()
	return svc.cluster.scheduler.mu.Unlock
}

func (svc *Service) now() time.Time { return svc.cluster.scheduler.options.Now() }

func (svc *Service) say(at time.Time, text string) {
	id := wire.UUID(svc.cluster.scheduler.ids.Seed("message", svc.longARN())...)
	svc.messages = append(svc.messages, message{id, wire.At(at), "(service " + svc.name + ") " + text})
}
