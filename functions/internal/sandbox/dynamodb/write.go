package dynamodb

import (
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// writeInput is what the writing operations and the actions of a transaction
// have in common.
type writeInput struct {
	TableName                           *string
	ConditionExpression                 *string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           item
	ReturnValuesOnConditionCheckFailure string
}

// verb is what a write does to its item.
type verb int

const (
	putVerb verb = iota
	updateVerb
	deleteVerb
	checkVerb
)

// write is a parsed write, not yet bound to a table.
type write struct {
	verb      verb
	table     string
	item      item // what to put, or the key
	update    update
	condition condition
	returnOld bool // on a failed condition
	payload   int  // bytes of the request that count in a transaction
}

// newWrite parses the expressions. Subject is the item of a put, else the key.
func newWrite(v verb, in *writeInput, subject item, updateExpression *string) (*write, error) {
	subjectName := "key"
	if v == putVerb {
		subjectName = "item"
	}
	err := firstError(
		checkTableName(in.TableName),
		required(subjectName, subject != nil),
		oneOf("returnValuesOnConditionCheckFailure", in.ReturnValuesOnConditionCheckFailure, "ALL_OLD", "NONE"),
	)
	if err != nil {
		return nil, err
	}
	holders, err := newPlaceholders(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	w := &write{verb: v, table: *in.TableName, item: subject, returnOld: in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}
	w.payload = subject.size() + in.ExpressionAttributeValues.size()
	if w.update, err = parse("UpdateExpression", updateExpression, holders, (*parser).update); err != nil {
		return nil, err
	}
	if w.condition, err = parse("ConditionExpression", in.ConditionExpression, holders, (*parser).condition); err != nil {
		return nil, err
	}
	return w, holders.checkUsed(present(updateExpression, in.ConditionExpression))
}

// present counts the expressions that were given.
func present(expressions ...*string) int {
	n := 0
	for _, e := range expressions {
		if e != nil {
			n++
		}
	}
	return n
}

// planned is a write whose effect is known and may be committed.
type planned struct {
	table     *table
	key       item // holds the key
	old, next item
}

// check refuses a write that the table can never take, whatever it holds.
func (w *write) check(t *table) error {
	if w.verb == putVerb {
		return firstError(t.keys.checkItem(w.item), t.check(w.item, "Item size has exceeded the maximum allowed size"))
	}
	for _, name := range w.update.names() {
		if t.keys.has(name) {
			return invalidValue("Cannot update attribute %s. This attribute is part of the key", name)
		}
	}
	return t.keys.checkKey(w.item)
}

// plan computes the effect of a write that check has passed.
func (w *write) plan(t *table) (planned, error) {
	old := t.get(t.keys.keyOf(w.item))
	p := planned{table: t, key: w.item, old: old, next: old}
	if w.condition != nil && !w.condition.holds(old) {
		return p, w.conditionFailed(old)
	}
	switch w.verb {
	case putVerb:
		p.next = w.item
	case deleteVerb:
		p.next = nil
	case updateVerb:
		base := old
		if base == nil {
			base = w.item
		}
		next, err := w.update.apply(base)
		if err != nil {
			return p, err
		}
		if old == nil && w.update.removesOnly() {
			return p, nil
		}
		p.next = next
		return p, t.check(next, "Item size to update has exceeded the maximum allowed size")
	}
	return p, nil
}

func (w *write) conditionFailed(old item) error {
	err := wire.Errorf(codeConditionFailed, "The conditional request failed")
	if w.returnOld && old != nil {
		err.Members = map[string]any{"Item": old}
	}
	return err
}

func (p planned) commit() { p.table.replace(p.old, p.next) }

// partition is the value of the partition key.
func (p planned) partition() value { return p.key[p.table.keys.partition.name] }

func (p planned) shares() shares { return p.table.writeShares(p.partition(), p.old, p.next) }

// returned is the Attributes of an answer, nil for none.
func (w *write) returned(p planned, mode string) item {
	switch mode {
	case "ALL_OLD":
		return p.old
	case "ALL_NEW":
		return p.next
	case "UPDATED_OLD", "UPDATED_NEW":
		it := p.old
		if strings.HasSuffix(mode, "NEW") {
			it = p.next
		}
		if part := projected(it, w.update.names()); len(part) > 0 {
			return part
		}
	}
	return nil
}
