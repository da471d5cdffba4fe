package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// settingItem holds rules, accounts or another setting: the text of a variable, under
// the variable's @NAME.
type settingItem struct {
	key
	JSON string `dynamodbav:"json"`
}

// Setting reads a setting that has to be there.
func (l *Ledger) Setting(ctx context.Context, name string) (string, error) {
	found, err := l.Settings(ctx, name)
	if err == nil && found[name] == "" {
		err = fmt.Errorf("setting @%s: table %s has no item with pk %q, sk %q and the text json", name, l.table, "@"+name, "SETTING")
	}
	return found[name], err
}

// Settings reads those of the settings that are there.
func (l *Ledger) Settings(ctx context.Context, names ...string) (map[string]string, error) {
	found := map[string]string{}
	keys := func(yield func(key) bool) {
		for _, name := range names {
			if !yield(settingKey(name)) {
				return
			}
		}
	}
	err := l.get(ctx, keys, func(k key, i item) error {
		if text := textOf(i, "json"); text != "" {
			found[k.PK[1:]] = text
		}
		return nil
	})
	return found, err
}

// PutSetting writes a setting. was is what it has, "" if it is not there: the
// error is tagalong.ErrConflict if it has another one by now.
func (l *Ledger) PutSetting(ctx context.Context, name, was, document string) error {
	unchanged := absent
	if was != "" {
		unchanged = &condition{"#json = :was", map[string]string{"#json": "json"}, item{":was": text(was)}}
	}
	err := l.put(ctx, settingItem{settingKey(name), document}, unchanged)
	if _, changed := errors.AsType[*types.ConditionalCheckFailedException](err); changed {
		return fmt.Errorf("setting @%s: %w", name, tagalong.ErrConflict)
	}
	return err
}
