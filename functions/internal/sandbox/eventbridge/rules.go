package eventbridge

import (
	"cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// The states of a rule.
const (
	Enabled  = "ENABLED"
	Disabled = "DISABLED"
)

type ruleKey struct {
	busKey
	rule string
}

// PutRule makes a rule of a bus in a state, or gives it that one; "" removes it. Empty
// fields of the scope mean the service's home.
func (s *Service) PutRule(scope wire.Scope, bus, name, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := ruleKey{busKey{scope.Or(s.options.Home), bus}, name}
	if s.rules[key] = state; state == "" {
		delete(s.rules, key)
	}
}

type describeRuleInput struct {
	Name string `json:"Name"`
	Bus  string `json:"EventBusName"`
}

type describeRuleOutput struct {
	Name  string `json:"Name"`
	Bus   string `json:"EventBusName"`
	State string `json:"State"`
}

// describeRule is
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html.
func (s *Service) describeRule(caller wire.Caller, in describeRuleInput) (out describeRuleOutput, err error) {
	bus := cmp.Or(in.Bus, "default")
	state, there := s.rules[ruleKey{busKey{caller.Scope, bus}, in.Name}]
	if !there {
		return out, wire.Errorf("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", in.Name, bus)
	}
	return describeRuleOutput{in.Name, bus, state}, nil
}
