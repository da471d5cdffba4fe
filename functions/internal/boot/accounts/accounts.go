// Package accounts says with which credentials an account is asked, and in
// which Region: our own, or those of a role that TAGALONG_ACCOUNTS names.
package accounts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	sessionName     = "tagalong" // shown by CloudTrail in the other account
	sessionDuration = time.Hour
	renewBefore     = 5 * time.Minute // so that no call begins with credentials that end under it
)

// Accounts gives configurations for accounts. It is safe for concurrent use.
type Accounts struct {
	own    aws.Config
	self   Self
	listed map[string]account
	given  map[string]tagalong.Given // of those that are listed
}

type account struct {
	credentials aws.CredentialsProvider // of its role; nil without one
	regions     []string
	roleless    bool // our own account, or one of which only a registry is ours
}

// New takes the function's own configuration, its own account and the accounts
// listed. One without a role is our own, or its repositories let us in by their policies.
func New(own aws.Config, self Self, listed []boot.Account) *Accounts {
	a := &Accounts{own: own, self: self, listed: map[string]account{}, given: map[string]tagalong.Given{}}
	client := sts.NewFromConfig(own)
	for _, l := range listed {
		entry := account{regions: l.Regions, roleless: l.Role == ""}
		if len(entry.regions) == 0 {
			entry.regions = []string{own.Region}
		}
		if l.Role != "" {
			entry.credentials = assume(client, l.Role)
		}
		a.listed[l.ID] = entry
		a.given[l.ID] = tagalong.Given{Regions: l.Regions, Clusters: l.Clusters, Repositories: l.Repositories}
	}
	return a
}

// Coverage returns what we were given. Who we are is known inside of an invocation
// without a call; that is why an account which lacks its role is found here.
func (a *Accounts) Coverage(ctx context.Context) (tagalong.Coverage, error) {
	own, err := a.self(ctx)
	if err != nil {
		return tagalong.Coverage{}, err
	}
	for _, id := range slices.Sorted(maps.Keys(a.listed)) {
		if a.listed[id].roleless && id != own && len(a.given[id].Repositories) == 0 {
			return tagalong.Coverage{}, fmt.Errorf("%s: account %s has neither role nor repositories: want a role, since our own account is %s, or repositories whose policies let us in",
				boot.EnvAccounts, id, own)
		}
	}
	return tagalong.Coverage{Own: own, Listed: a.given}, nil
}

// assume returns the credentials of a role, kept until they are about to end.
func assume(client *sts.Client, role string) aws.CredentialsProvider {
	provider := stscreds.NewAssumeRoleProvider(client, role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
		o.Duration = sessionDuration
	})
	return aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = renewBefore })
}

// Workload returns the configuration to ask ECS with. An account that is neither
// ours nor listed, and a Region that is not listed for its account, are
// tagalong.ErrElsewhere. Unless it is listed, our own account is covered in all
// Regions.
func (a *Accounts) Workload(ctx context.Context, id, region string) (aws.Config, error) {
	entry, listed := a.listed[id]
	if listed && !slices.Contains(entry.regions, region) {
		return aws.Config{}, fmt.Errorf("account %s, region %s: %w", id, region, tagalong.ErrElsewhere)
	}
	if !listed || entry.roleless {
		own, err := a.self(ctx)
		if err != nil {
			return aws.Config{}, err
		}
		if id != own {
			return aws.Config{}, fmt.Errorf("account %s: %w", id, tagalong.ErrElsewhere)
		}
	}
	return a.config(entry, region), nil
}

// Scopes returns where a sweep looks: our own account in our own Region, unless it is
// listed with others, and then every Region of the accounts listed, sorted.
func (a *Accounts) Scopes(ctx context.Context) ([]tagalong.Scope, error) {
	covered, err := a.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	own := covered.Own
	var scopes []tagalong.Scope
	if _, listed := a.listed[own]; !listed {
		scopes = append(scopes, tagalong.Scope{Account: own, Region: a.own.Region})
	}
	for _, id := range slices.Sorted(maps.Keys(a.listed)) {
		if a.listed[id].roleless && id != own {
			continue // of which we were given a registry alone
		}
		for _, region := range slices.Compact(slices.Sorted(slices.Values(a.listed[id].regions))) {
			scopes = append(scopes, tagalong.Scope{Account: id, Region: region})
		}
	}
	return scopes, nil
}

// Registry returns the configuration to ask ECR with about a registry of an
// account: images of any account are tagged where they lie. Without a role there
// our own credentials are used, and the repository's policy must allow it.
func (a *Accounts) Registry(_ context.Context, id, region string) (aws.Config, error) {
	return a.config(a.listed[id], region), nil
}

func (a *Accounts) config(entry account, region string) aws.Config {
	cfg := a.own.Copy()
	cfg.Region = region
	if entry.credentials != nil {
		cfg.Credentials = entry.credentials
	}
	return cfg
}
