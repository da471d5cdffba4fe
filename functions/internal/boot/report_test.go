package boot

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const goldenMetrics = `{"_aws":{"Timestamp":1772616011020,"CloudWatchMetrics":[{"Namespace":"Tagalong","Dimensions":[["Table"],["Table","Environment"]],"Metrics":[` +
	`{"Name":"EventsHandled","Unit":"Count"},{"Name":"EventsUnmanaged","Unit":"Count"},{"Name":"TagsMoved","Unit":"Count"},` +
	`{"Name":"TagsBlocked","Unit":"Count"},{"Name":"TagsMissing","Unit":"Count"},{"Name":"ContainersUnproven","Unit":"Count"},` +
	`{"Name":"TagsInDoubt","Unit":"Count"},{"Name":"Errors","Unit":"Count"},{"Name":"LagMilliseconds","Unit":"Milliseconds"}]}]},` +
	`"Table":"tagalong","Environment":"prod","EventsHandled":1,"EventsUnmanaged":0,"TagsMoved":2,"TagsBlocked":3,"TagsMissing":4,` +
	`"ContainersUnproven":5,"TagsInDoubt":6,"Errors":0,"LagMilliseconds":7351}` + "\n"

func TestMetrics(t *testing.T) {
	at := time.UnixMilli(1772616011020)
	var out bytes.Buffer
	WriteMetrics(&out, at, "tagalong", reactor.Outcome{
		Service: tagalong.Service{Name: "checkout-api"}, Environment: "prod",
		Moved: 2, Blocked: 3, Missing: 4, Unproven: 5, InDoubt: 6, Lag: 7351 * time.Millisecond,
	}, nil)
	if out.String() != goldenMetrics {
		t.Errorf("got\n%swant\n%s", out.String(), goldenMetrics)
	}
	for name, c := range map[string]struct {
		outcome reactor.Outcome
		err     error
		want    string
	}{
		"unhandled": {reactor.Outcome{Unhandled: true}, nil, `"EventsHandled":0,"EventsUnmanaged":0,`},
		"unmanaged": {reactor.Outcome{Unmanaged: true}, nil, `"EventsHandled":0,"EventsUnmanaged":1,`},
		"left":      {reactor.Outcome{Announced: 1, Unannounced: 2}, nil, `"Errors":0,"EventsUnannounced":2}`},
		"all told":  {reactor.Outcome{Announced: 1}, nil, `"Errors":0}`},
		"failed":    {reactor.Outcome{}, errors.New("x"), `"EventsHandled":0,"EventsUnmanaged":0,"TagsMoved":0,"TagsBlocked":0,"TagsMissing":0,"ContainersUnproven":0,"TagsInDoubt":0,"Errors":1}`},
	} {
		out.Reset()
		WriteMetrics(&out, at, "tagalong", c.outcome, c.err)
		if !strings.Contains(out.String(), c.want) || !strings.Contains(out.String(), `"Dimensions":[["Table"]]`) ||
			strings.Contains(out.String(), "LagMilliseconds") || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}

func TestLogLine(t *testing.T) {
	var out bytes.Buffer
	log := Logger(&out, slog.LevelWarn)
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536"})
	log.InfoContext(ctx, "not shown")
	log.With("service", "checkout-api").WithGroup("of").WarnContext(ctx, "shown", "time", "the caller's own")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%s: %v", out.String(), err)
	}
	if line["level"] != "WARN" || line["msg"] != "shown" || line["service"] != "checkout-api" || line["time"] != nil {
		t.Errorf("line %v", line)
	}
	if _, err := time.Parse(time.RFC3339Nano, line["timestamp"].(string)); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), `"requestId":"8476a536"`) {
		t.Errorf("line %s", out.String())
	}
}
