package wire

import (
	"slices"
	"sync"
)

// Faults are errors that a test switches on for a service. The zero value has
// none; it is safe for concurrent use.
type Faults struct {
	mu       sync.Mutex
	denied   map[string][]string // operation → accounts; an empty list is everybody
	throttle map[string]int      // operation → how many calls are yet to be refused
}

// Deny makes an operation answer AccessDeniedException, to callers of the given
// accounts, or to everybody if none is given.
func (f *Faults) Deny(operation string, accounts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied == nil {
		f.denied = map[string][]string{}
	}
	f.denied[operation] = accounts
}

// Permit ends what Deny and Throttle began for an operation.
func (f *Faults) Permit(operation string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.denied, operation)
	delete(f.throttle, operation)
}

// Throttle makes the next n calls of an operation answer ThrottlingException.
// The SDK's own attempts count as calls.
func (f *Faults) Throttle(operation string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.throttle == nil {
		f.throttle = map[string]int{}
	}
	f.throttle[operation] = n
}

// Check gives the error that is switched on for a call, nil if none is.
// service is the prefix of the IAM action, such as ecr.
func (f *Faults) Check(service, operation string, caller Caller) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.throttle[operation] > 0 {
		f.throttle[operation]--
		return Errorf("ThrottlingException", "Rate exceeded")
	}
	accounts, denied := f.denied[operation]
	if denied && (len(accounts) == 0 || slices.Contains(accounts, caller.Account)) {
		return AccessDenied(caller, service+":"+operation, "*", "identity")
	}
	return nil
}

// AccessDenied is IAM's refusal of an action; kind is the kind of policy that
// would have to allow it, identity or resource.
func AccessDenied(caller Caller, action, resource, kind string) *Error {
	return Errorf("AccessDeniedException",
		"User: %s is not authorized to perform: %s on resource: %s because no %s-based policy allows the %s action",
		caller.ARN, action, resource, kind, action)
}
