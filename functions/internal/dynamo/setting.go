package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

func settingKey(name string) key { return key{"@" + name, "SETTING"} }

// settingItem holds rules, accounts or another setting: the text of a variable, under
// the variable's @NAME:
//
//	{
//	  "json": "[{\"environment\":\"prod\",\"clusters\":[\"prod-*\"]}]",
//	  "pk": "@environments",
//	  "sk": "SETTING"
//	}
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
	for i, err := range l.get(ctx, all(names, settingKey)...) {
		if err != nil {
			return nil, err
		}
		if text := textOf(i, "json"); text != "" {
			found[textOf(i, "pk")[1:]] = text
		}
	}
	return found, nil
}

// PutSetting writes a setting if it is still what it was, "" for not there; otherwise
// the error is ledger.ErrConflict.
func (l *Ledger) PutSetting(ctx context.Context, name, was, document string) error {
	unchanged := absent
	if was != "" {
		unchanged = condition{"#json = :was", item{":was": text(was)}}
	}
	err := l.put(ctx, put(settingItem{settingKey(name), document}).when(unchanged))
	if errors.Is(err, ledger.ErrConflict) {
		return fmt.Errorf("setting @%s: %w", name, ledger.ErrConflict)
	}
	return err
}
