package eventbridge_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func entry(edit func(*types.PutEventsRequestEntry)) types.PutEventsRequestEntry {
	e := types.PutEventsRequestEntry{Source: aws.String("shop"), DetailType: aws.String("Order Placed"), Detail: aws.String(`{"order":7}`)}
	edit(&e)
	return e
}

func same(*types.PutEventsRequestEntry) {}

func put(t *testing.T, cfg aws.Config, entries ...types.PutEventsRequestEntry) (*awseventbridge.PutEventsOutput, error) {
	t.Helper()
	return awseventbridge.NewFromConfig(cfg).PutEvents(t.Context(), &awseventbridge.PutEventsInput{Entries: entries})
}

func TestEventsReachTheirBus(t *testing.T) {
	s := sandboxtest.Start(t)
	away := s.As("444455556666")
	away.Region = "eu-west-1"
	for _, test := range []struct {
		cfg   aws.Config
		bus   *string
		scope wire.Scope
		name  string
	}{
		{s.Config(), nil, wire.Scope{}, "default"},
		{s.Config(), aws.String("orders"), wire.Scope{}, "orders"},
		{s.Config(), aws.String("arn:aws:events:us-east-1:444455556666:event-bus/orders"), wire.Scope{Account: "444455556666"}, "orders"},
		{away, aws.String("orders"), wire.Scope{Account: "444455556666", Region: "eu-west-1"}, "orders"},
	} {
		out, err := put(t, test.cfg, entry(func(e *types.PutEventsRequestEntry) { e.EventBusName = test.bus }))
		if err != nil || out.FailedEntryCount != 0 || aws.ToString(out.Entries[0].EventId) == "" {
			t.Errorf("%s: %+v, %v", aws.ToString(test.bus), out, err)
		}
		if got := s.EventBridge.Events(test.scope, test.name); len(got) != 1 || !strings.Contains(string(got[0]), *out.Entries[0].EventId) {
			t.Errorf("%s of %s has %s", test.name, test.scope, got)
		}
	}
}

func TestAnEventIsDeliveredWhole(t *testing.T) {
	s := sandboxtest.Start(t)
	at := time.Date(2026, 3, 4, 8, 2, 11, 480e6, time.UTC)
	if _, err := put(t, s.Config(), entry(same), entry(func(e *types.PutEventsRequestEntry) { e.Time, e.Resources = &at, []string{"arn:aws:x"} })); err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	for _, raw := range s.EventBridge.Events(wire.Scope{}, "default") {
		var event map[string]any
		if err := json.Unmarshal(raw, &event); err != nil {
			t.Fatal(err)
		}
		delete(event, "id")
		got = append(got, event)
	}
	event := func(at string, resources ...any) map[string]any {
		return map[string]any{
			"version": "0", "source": "shop", "detail-type": "Order Placed", "account": "111122223333", "region": "us-east-1",
			"time": at, "resources": append([]any{}, resources...), "detail": map[string]any{"order": 7.},
		}
	}
	if diff := cmp.Diff([]map[string]any{event("2026-03-04T09:00:00Z"), event("2026-03-04T08:02:11Z", "arn:aws:x")}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestSingleEntriesAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*types.PutEventsRequestEntry)
		code string
	}{
		"no source":         {func(e *types.PutEventsRequestEntry) { e.Source = nil }, "InvalidArgument"},
		"no type":           {func(e *types.PutEventsRequestEntry) { e.DetailType = nil }, "InvalidArgument"},
		"a long type":       {func(e *types.PutEventsRequestEntry) { e.DetailType = aws.String(strings.Repeat("x", 129)) }, "InvalidArgument"},
		"no detail":         {func(e *types.PutEventsRequestEntry) { e.Detail = nil }, "InvalidArgument"},
		"a source of AWS's": {func(e *types.PutEventsRequestEntry) { e.Source = aws.String("aws.ecs") }, "NotAuthorizedForSourceException"},
		"a list":            {func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("[]") }, "MalformedDetail"},
		"null":              {func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("null") }, "MalformedDetail"},
		"no JSON":           {func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("{") }, "MalformedDetail"},
		"another Region's bus": {func(e *types.PutEventsRequestEntry) {
			e.EventBusName = aws.String("arn:aws:events:eu-west-1:111122223333:event-bus/default")
		}, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.Start(t)
			out, err := put(t, s.Config(), entry(same), entry(test.edit))
			if err != nil || out.FailedEntryCount != 1 || aws.ToString(out.Entries[1].ErrorCode) != test.code || aws.ToString(out.Entries[1].ErrorMessage) == "" {
				t.Errorf("%+v, %v", out, err)
			}
			if n := len(s.EventBridge.Events(wire.Scope{}, "default")); n != 1 {
				t.Errorf("%d events are accepted", n)
			}
		})
	}
}

func TestWholeRequestsAreRefused(t *testing.T) {
	large := entry(func(e *types.PutEventsRequestEntry) {
		e.Detail = aws.String(`{"x":"` + strings.Repeat("x", 64<<10) + `"}`)
	})
	for name, test := range map[string]struct {
		entries []types.PutEventsRequestEntry
		before  func(*sandboxtest.Sandbox)
		code    string
	}{
		"none":            {[]types.PutEventsRequestEntry{}, nil, "ValidationException"},
		"eleven":          {make([]types.PutEventsRequestEntry, 11), nil, "ValidationException"},
		"too large":       {[]types.PutEventsRequestEntry{large, large, large, large}, nil, "ValidationException"},
		"no bus's name":   {[]types.PutEventsRequestEntry{entry(func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("a/b") })}, nil, "ValidationException"},
		"it is denied":    {[]types.PutEventsRequestEntry{entry(same)}, func(s *sandboxtest.Sandbox) { s.EventBridge.Deny("PutEvents") }, "AccessDeniedException"},
		"it is throttled": {[]types.PutEventsRequestEntry{entry(same)}, func(s *sandboxtest.Sandbox) { s.EventBridge.Throttle("PutEvents", 1) }, "ThrottlingException"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.Start(t)
			if test.before != nil {
				test.before(s)
			}
			if _, err := put(t, s.Config(), test.entries...); sandboxtest.Code(err) != test.code {
				t.Errorf("error %v, want %s", err, test.code)
			}
			if n := len(s.EventBridge.Events(wire.Scope{}, "default")); n != 0 {
				t.Errorf("%d events are accepted", n)
			}
		})
	}
}

func TestATestRefusesSingleEvents(t *testing.T) {
	s := sandboxtest.Start(t)
	s.EventBridge.Refuse(func(event []byte) string {
		if strings.Contains(string(event), `"order":8`) {
			return "InternalFailure"
		}
		return ""
	})
	eight := entry(func(e *types.PutEventsRequestEntry) { e.Detail = aws.String(`{"order":8}`) })
	out, err := put(t, s.Config(), eight, entry(same))
	if err != nil || out.FailedEntryCount != 1 || aws.ToString(out.Entries[0].ErrorCode) != "InternalFailure" {
		t.Errorf("%+v, %v", out, err)
	}
	s.EventBridge.Refuse(nil)
	if out, err := put(t, s.Config(), eight); err != nil || out.FailedEntryCount != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}
