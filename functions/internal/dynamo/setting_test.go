package dynamo_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

func TestSettingsOnTheSandbox(t *testing.T) {
	settings(t, dynamodb.NewFromConfig(sandboxtest.Start(t).Config()))
}

// settings: what nobody has written is not there, and nobody overwrites what somebody
// else has written meanwhile.
func settings(t *testing.T, client *dynamodb.Client) {
	store := opened(client)(t).(*dynamo.Ledger)
	if found, err := store.Settings(t.Context(), "environments", "accounts"); err != nil || len(found) > 0 {
		t.Errorf("a new table has %q, error %v", found, err)
	}
	for _, step := range []struct {
		was, document string
		refused       bool
	}{{"", "[1]", false}, {"", "[2]", true}, {"[2]", "[3]", true}, {"[1]", "[4]", false}} {
		err := store.PutSetting(t.Context(), "environments", step.was, step.document)
		if errors.Is(err, ledger.ErrConflict) != step.refused || err != nil && !step.refused {
			t.Errorf("%s over %q: %v", step.document, step.was, err)
		}
	}
	found, err := store.Settings(t.Context(), "environments", "accounts")
	if err != nil || !maps.Equal(found, map[string]string{"environments": "[4]"}) {
		t.Errorf("settings %q, error %v", found, err)
	}
	if _, err := dynamo.New(client, "another").Settings(t.Context(), "environments"); !errors.Is(err, ledger.ErrNoTable) {
		t.Errorf("without a table: %v", err)
	}
}
