package ecr

import "github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"

// ReplicationRule says where the images of a registry go. The sandbox tells the
// rules, and replicates nothing,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ReplicationRule.html.
type ReplicationRule struct {
	Destinations []ReplicationDestination `json:"destinations"`
	// Deletes says whether removals go there, too; nil does not, and is not told,
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecr-replicationconfiguration-deletereplication.html.
	Deletes *DeleteReplication `json:"deleteReplication,omitempty"`
}

// ReplicationDestination is another registry.
type ReplicationDestination struct {
	Region     string `json:"region"`
	RegistryID string `json:"registryId"`
}

// DeleteReplication switches the replication of removals on.
type DeleteReplication struct {
	Enabled bool `json:"enabled"`
}

// Replicate sets the replication rules of a registry. Empty fields of the scope
// mean the registry's home.
func (r *Registry) Replicate(scope wire.Scope, rules ...ReplicationRule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replication[scope.Or(r.options.Home)] = rules
}

type describeRegistryOutput struct {
	RegistryID  string                   `json:"registryId"`
	Replication replicationConfiguration `json:"replicationConfiguration"`
}

type replicationConfiguration struct {
	Rules []ReplicationRule `json:"rules"`
}

// describeRegistry is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRegistry.html:
// the caller's own registry, and no other.
func (r *Registry) describeRegistry(caller wire.Caller, _ struct{}) (describeRegistryOutput, error) {
	rules := append([]ReplicationRule{}, r.replication[caller.Scope]...)
	return describeRegistryOutput{RegistryID: caller.Account, Replication: replicationConfiguration{rules}}, nil
}
