package pattern_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

func TestARunIsWhatItsExpressionIs(t *testing.T) {
	const set = pattern.Letters + pattern.Digits + "._-"
	legal := rapid.StringOfN(rapid.SampledFrom([]rune(set)), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		run := pattern.Run{Min: rapid.IntRange(0, 3).Draw(t, "min"), Max: rapid.IntRange(3, 6).Draw(t, "max"), Of: set}
		expression := regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9._-]{%d,%d}$`, run.Min, run.Max))
		text := legal.Draw(t, "text") + rapid.OneOf(rapid.Just(""), rapid.String(), rapid.Just("\n"), rapid.Just("\xff")).Draw(t, "odd") + legal.Draw(t, "more")
		if run.MatchString(text) != expression.MatchString(text) {
			t.Errorf("%q: %v by the run %+v", text, run.MatchString(text), run)
		}
	})
}

func TestARegexpAnswersAsThatOfTheStandardLibrary(t *testing.T) {
	const expression, text = `(\d)(\w)`, "1a 2b"
	lazy, eager := pattern.New(expression), regexp.MustCompile(expression)
	if lazy.MatchString(text) != eager.MatchString(text) ||
		!slices.Equal(lazy.FindStringSubmatch(text), eager.FindStringSubmatch(text)) ||
		!slices.Equal(lazy.FindAllString(text, -1), eager.FindAllString(text, -1)) ||
		lazy.ReplaceAllString(text, "$2") != eager.ReplaceAllString(text, "$2") {
		t.Errorf("differs from %v", eager)
	}
}

func TestARegexpIsCompiledWhenItIsFirstAsked(t *testing.T) {
	illegal := pattern.New("(")
	defer func() {
		if recover() == nil {
			t.Error("compiled without an error")
		}
	}()
	illegal.MatchString("")
}
