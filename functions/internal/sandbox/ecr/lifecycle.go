package ecr

import "github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"

type getLifecyclePolicyOutput struct {
	target
	Policy string `json:"lifecyclePolicyText"`
}

// getLifecyclePolicy is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicy.html.
func (r *Registry) getLifecyclePolicy(caller wire.Caller, in target) (getLifecyclePolicyOutput, error) {
	repo, err := r.find(caller, in, "GetLifecyclePolicy")
	if err != nil {
		return getLifecyclePolicyOutput{}, err
	}
	if repo.lifecycle == "" {
		return getLifecyclePolicyOutput{}, noPolicy(repo)
	}
	return getLifecyclePolicyOutput{target{repo.scope.Account, repo.name}, repo.lifecycle}, nil
}

func noPolicy(repo *repository) error {
	return wire.Errorf("LifecyclePolicyNotFoundException",
		"Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", repo.name, repo.scope.Account)
}

// SetLifecyclePolicy gives the repository a lifecycle policy, JSON; "" takes it away.
// The sandbox tells it, and what it would take; it deletes nothing by it.
func (h *Repository) SetLifecyclePolicy(policy string) {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	h.repo.lifecycle = policy
}
