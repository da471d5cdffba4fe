package dynamodb

import (
	"errors"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	maxTransaction      = 100
	maxTransactionBytes = 4 * 1024 * 1024
)

// reason is why one action of a transaction failed, or that it did not.
type reason struct {
	Code    string
	Message string `json:",omitempty"`
	Item    item   `json:",omitempty"`
}

const fine = "None"

// reasonOf makes a reason of what a single write would have answered.
func reasonOf(err error) reason {
	problem, ok := errors.AsType[*wire.Error](err)
	switch {
	case err == nil:
		return reason{Code: fine}
	case !ok:
		return reason{Code: "ValidationError", Message: err.Error()}
	case problem.Code == codeConditionFailed:
		old, _ := problem.Members["Item"].(item)
		return reason{Code: "ConditionalCheckFailed", Message: problem.Message, Item: old}
	default:
		return reason{Code: "ValidationError", Message: problem.Message}
	}
}

// cancelled is the error for the reasons, or nil if all are fine.
func cancelled(reasons []reason) error {
	codes := make([]string, len(reasons))
	failed := false
	for i, r := range reasons {
		codes[i] = r.Code
		failed = failed || r.Code != fine
	}
	if !failed {
		return nil
	}
	err := wire.Errorf(codeTransactionFailed, "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
	err.Members = map[string]any{"CancellationReasons": reasons}
	return err
}

type transactPut struct {
	writeInput
	Item item
}

type transactUpdate struct {
	writeInput
	Key              item
	UpdateExpression *string
}

type transactKey struct {
	writeInput
	Key item
}

type transactWriteItem struct {
	Put            *transactPut
	Update         *transactUpdate
	Delete         *transactKey
	ConditionCheck *transactKey
}

type transactWriteItemsInput struct {
	TransactItems               []transactWriteItem
	ClientRequestToken          *string
	ReturnConsumedCapacity      string
	ReturnItemCollectionMetrics string
}

type transactWriteItemsOutput struct {
	ConsumedCapacity []*consumedCapacity `json:",omitempty"`
}

// write parses one action.
func (a *transactWriteItem) write() (*write, error) {
	var w *write
	err := error(validationf("TransactItems can only contain one of Check, Put, Update or Delete"))
	given := 0
	if a.Put != nil {
		given++
		w, err = newWrite(putVerb, &a.Put.writeInput, a.Put.Item, nil)
	}
	if a.Update != nil {
		given++
		w, err = newWrite(updateVerb, &a.Update.writeInput, a.Update.Key, a.Update.UpdateExpression)
		err = firstError(required("updateExpression", a.Update.UpdateExpression != nil), err)
	}
	if a.Delete != nil {
		given++
		w, err = newWrite(deleteVerb, &a.Delete.writeInput, a.Delete.Key, nil)
	}
	if a.ConditionCheck != nil {
		given++
		w, err = newWrite(checkVerb, &a.ConditionCheck.writeInput, a.ConditionCheck.Key, nil)
		err = firstError(required("conditionExpression", a.ConditionCheck.ConditionExpression != nil), err)
	}
	if given > 1 {
		err = validationf("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	return w, err
}

func (s *scope) transactWriteItems(in *transactWriteItemsInput) (*transactWriteItemsOutput, error) {
	writes, err := in.writes()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	repeated, err := s.tokenUsed(in)
	if err != nil {
		return nil, err
	}
	if repeated != nil {
		return &transactWriteItemsOutput{repeated.report(in.ReturnConsumedCapacity, reading)}, nil
	}
	plans, err := s.planAll(writes)
	if err != nil {
		return nil, err
	}
	wrote, read := shares{}, shares{}
	for _, p := range plans {
		wrote.addTransaction(p.shares())
		read.add(p.table.name, "", p.partition(), 2*readUnits(max(p.old.size(), p.next.size()), true))
	}
	if err := s.admit(plans, wrote); err != nil {
		return nil, err
	}
	for _, p := range plans {
		p.commit()
	}
	s.keepToken(in, read)
	return &transactWriteItemsOutput{wrote.report(in.ReturnConsumedCapacity, writing)}, nil
}

// admit refuses a transaction that writes too much at once, as all of its actions.
func (s *scope) admit(plans []planned, wrote shares) error {
	if s.throttle.write(wrote) == nil {
		return nil
	}
	reasons := make([]reason, len(plans))
	for i := range reasons {
		reasons[i] = reason{Code: "ThrottlingError", Message: "Throughput exceeds the current capacity of your table or index"}
	}
	return cancelled(reasons)
}

func (in *transactWriteItemsInput) writes() ([]*write, error) {
	err := firstError(
		checkCount(len(in.TransactItems)),
		checkCapacityMode(in.ReturnConsumedCapacity),
		checkMetricsMode(in.ReturnItemCollectionMetrics),
		checkToken(in.ClientRequestToken),
	)
	if err != nil {
		return nil, err
	}
	writes := make([]*write, len(in.TransactItems))
	for i := range in.TransactItems {
		if writes[i], err = in.TransactItems[i].write(); err != nil {
			return nil, err
		}
	}
	return writes, nil
}

func checkCount(n int) error {
	if n < 1 || n > maxTransaction {
		return validationf("1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length between 1 and %d, not %d", maxTransaction, n)
	}
	return nil
}

// planAll computes all effects. Since no two actions are on one item, none
// sees another's.
func (s *scope) planAll(writes []*write) ([]planned, error) {
	if err := s.checkTransaction(writes); err != nil {
		return nil, err
	}
	if err := s.checkActions(writes); err != nil {
		return nil, err
	}
	plans := make([]planned, len(writes))
	reasons := make([]reason, len(writes))
	for i, w := range writes {
		var err error
		plans[i], err = w.plan(s.tables[w.table])
		reasons[i] = reasonOf(err)
	}
	return plans, cancelled(reasons)
}

// checkActions refuses what a table can never take. The first such action
// cancels the transaction before any other is looked at.
func (s *scope) checkActions(writes []*write) error {
	reasons := make([]reason, len(writes))
	for i := range reasons {
		reasons[i] = reasonOf(nil)
	}
	for i, w := range writes {
		if err := w.check(s.tables[w.table]); err != nil {
			reasons[i] = reasonOf(err)
			break
		}
	}
	return cancelled(reasons)
}

// checkTransaction refuses unknown tables, repeated items and too much of them.
// What counts is the size of the request, not of the items it is about.
func (s *scope) checkTransaction(writes []*write) error {
	seen := map[string]bool{}
	bytes := 0
	for _, w := range writes {
		bytes += w.payload
		t, err := s.table(w.table)
		if err != nil {
			return err
		}
		id := w.table + string(t.keys.keyOf(w.item).append(nil))
		if seen[id] {
			return validationf("Transaction request cannot include multiple operations on one item")
		}
		seen[id] = true
	}
	if bytes > maxTransactionBytes {
		return validationf("Transaction payload size cannot exceed 4 MB")
	}
	return nil
}
