package lambda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const repository = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/resize"

var (
	scope  = tagalong.Scope{Account: "111122223333", Region: "us-east-1"}
	resize = tagalong.LambdaFunction(scope, "resize")
)

func on(s *sandboxtest.Sandbox) *Functions {
	return New(func(context.Context, string, string) (aws.Config, error) { return s.Config(), nil })
}

func ran(build string) tagalong.Ran {
	return tagalong.Ran{Image: repository + ":" + build, Digest: digest.FromString(build)}
}

func TestWhatCanBeInvokedIsLatestAndWhatAliasesLeadTo(t *testing.T) {
	s := sandboxtest.Start(t)
	f := s.Lambda.Create(wire.Scope{}, "resize", ran("v1").Image, ran("v1").Digest, map[string]string{"TOKEN": "secret"})
	for _, build := range []string{"v2", "v3", "v4"} {
		f.Publish()
		f.Update(ran(build).Image, ran(build).Digest, "Successful")
	}
	f.Alias("live", "1", map[string]float64{"3": 0.1, "2": 0})
	f.Alias("test", "3", nil)
	got, err := on(s).Function(t.Context(), resize)
	want := sweep.FunctionState{Versions: []sweep.FunctionVersion{
		{Name: "$LATEST", Image: ran("v4"), Since: sandboxtest.Epoch}, {Name: "1", Image: ran("v1")}, {Name: "3", Image: ran("v3")},
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// While an update is under way, or has failed, Lambda invokes the code before it.
func TestAnUpdateThatIsNotDoneIsUnsettled(t *testing.T) {
	s := sandboxtest.Start(t)
	f := s.Lambda.Create(wire.Scope{}, "resize", ran("v1").Image, ran("v1").Digest, nil)
	for status, want := range map[string]bool{"Successful": false, "InProgress": true, "Failed": true} {
		f.Update(ran("v2").Image, ran("v2").Digest, status)
		if got, err := on(s).Function(t.Context(), resize); err != nil || got.Unsettled != want {
			t.Errorf("%s: %+v, %v", status, got, err)
		}
	}
}

func TestOnlyFunctionsOfImagesAreListed(t *testing.T) {
	s := sandboxtest.Start(t)
	var want []string
	for i := range 120 {
		name := fmt.Sprintf("f%03d", i)
		if i%2 == 0 {
			want = append(want, name)
			s.Lambda.Create(wire.Scope{}, name, repository+"@"+ran("v1").Digest.String(), ran("v1").Digest, nil)
			continue
		}
		s.Lambda.Create(wire.Scope{}, name, "", "", nil)
	}
	if got, err := on(s).FunctionNames(t.Context(), scope); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	pinned, err := on(s).Function(t.Context(), tagalong.LambdaFunction(scope, "f000"))
	if err != nil || len(pinned.Versions) != 1 || pinned.Versions[0].Image.Image != repository+"@"+ran("v1").Digest.String() {
		t.Errorf("%+v, %v", pinned, err)
	}
}

func TestWhatLambdaDoesNotSayIsAnError(t *testing.T) {
	s := sandboxtest.Start(t)
	if _, err := on(s).Function(t.Context(), resize); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("of a function that is not there: %v", err)
	}
	s.Lambda.Create(wire.Scope{}, "resize", "", "", nil)
	if _, err := on(s).Function(t.Context(), resize); err == nil {
		t.Error("a function without an image is made of one")
	}
	for _, operation := range []string{"ListFunctions", "ListAliases", "GetFunction"} {
		s.Lambda.Deny(operation)
		_, err := on(s).FunctionNames(t.Context(), scope)
		if err == nil {
			_, err = on(s).Function(t.Context(), resize)
		}
		if !errors.Is(err, tagalong.ErrDenied) {
			t.Errorf("%s: %v", operation, err)
		}
		s.Lambda.Permit(operation)
	}
	down := errors.New("down")
	closed := New(func(context.Context, string, string) (aws.Config, error) { return aws.Config{}, down })
	_, errNames := closed.FunctionNames(t.Context(), scope)
	_, errFunction := closed.Function(t.Context(), resize)
	if !errors.Is(errNames, down) || !errors.Is(errFunction, down) {
		t.Errorf("without a configuration: %v, %v", errNames, errFunction)
	}
}

// What Lambda says of times was seen in this form alone; another one is no time.
func TestATimeThatIsNotLegibleIsNotKnown(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-03-04T09:00:00.123+0000": time.Date(2026, 3, 4, 9, 0, 0, 123e6, time.UTC),
		"2026-03-04T10:00:00.000+0100": time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC),
		"yesterday":                    {}, "": {},
	} {
		if got := parseModified(text); !got.Equal(want) {
			t.Errorf("%q: %v", text, got)
		}
	}
}
