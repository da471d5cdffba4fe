package tagalongtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// CodeDeploy is CodeDeploy in memory, safe for concurrent use. The zero value
// knows nothing.
type CodeDeploy struct {
	// Hook is called before each operation, if it is set; an error that it returns
	// is the operation's.
	Hook func(ctx context.Context, operation string) error

	mu          sync.Mutex
	groups      map[Group][]string // ids, in the order in which they became known
	deployments map[codeDeployKey]pipeline.CodeDeployDeployment
	elsewhere   map[string]bool // accounts
}

var _ pipeline.CodeDeploy = &CodeDeploy{}

// Group names a deployment group.
type Group struct {
	Account, Region, Application, Name string
}

type codeDeployKey struct{ account, region, id string }

// Group makes a deployment group known.
func (c *CodeDeploy) Group(g Group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.group(g)
}

func (c *CodeDeploy) group(g Group) {
	if c.groups == nil {
		c.groups, c.deployments = map[Group][]string{}, map[codeDeployKey]pipeline.CodeDeployDeployment{}
	}
	if _, ok := c.groups[g]; !ok {
		c.groups[g] = nil
	}
}

// Put makes a deployment of a group known, or known anew.
func (c *CodeDeploy) Put(g Group, s pipeline.CodeDeployDeployment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.group(g)
	if !slices.Contains(c.groups[g], s.ID) {
		c.groups[g] = append(c.groups[g], s.ID)
	}
	s.Targets = slices.Clone(s.Targets)
	c.deployments[codeDeployKey{g.Account, g.Region, s.ID}] = s
}

// Elsewhere says that an account is none that may be asked.
func (c *CodeDeploy) Elsewhere(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.elsewhere == nil {
		c.elsewhere = map[string]bool{}
	}
	c.elsewhere[account] = true
}

// begin is what every operation does first.
func (c *CodeDeploy) begin(ctx context.Context, operation, account string) error {
	if c.Hook != nil {
		if err := c.Hook(ctx, operation); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.elsewhere[account] {
		return fmt.Errorf("account %s: %w", account, tagalong.ErrElsewhere)
	}
	return nil
}

// Deployment implements pipeline.CodeDeploy.
func (c *CodeDeploy) Deployment(ctx context.Context, account, region, id string) (pipeline.CodeDeployDeployment, error) {
	if err := c.begin(ctx, "Shift", account); err != nil {
		return pipeline.CodeDeployDeployment{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.deployments[codeDeployKey{account, region, id}]
	if !ok {
		return pipeline.CodeDeployDeployment{}, fmt.Errorf("deployment %s: %w", id, pipeline.ErrNoCodeDeployDeployment)
	}
	s.Targets = slices.Clone(s.Targets)
	return s, nil
}

// Deployments implements pipeline.CodeDeploy.
func (c *CodeDeploy) Deployments(ctx context.Context, account, region, application, group string, from, to time.Time) ([]string, error) {
	if err := c.begin(ctx, "Shifts", account); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all, ok := c.groups[Group{account, region, application, group}]
	if !ok {
		return nil, fmt.Errorf("deployment group %s/%s: %w", application, group, pipeline.ErrNoCodeDeployDeployment)
	}
	var ids []string
	for _, id := range all {
		if at := c.deployments[codeDeployKey{account, region, id}].CreatedAt; !at.Before(from) && !at.After(to) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
