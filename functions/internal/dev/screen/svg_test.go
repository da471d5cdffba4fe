package screen

import (
	"encoding/xml"
	"strings"
	"testing"
)

// drawn is what a picture says, read back.
type drawn struct {
	Title string `xml:"title"`
	Texts []struct {
		X     float64 `xml:"x,attr"`
		Y     int     `xml:"y,attr"`
		Long  float64 `xml:"textLength,attr"`
		Class string  `xml:"class,attr"`
		Text  string  `xml:",chardata"`
	} `xml:"text"`
}

func TestAPictureHasEachWordInItsColumnAndColor(t *testing.T) {
	var got drawn
	picture := SVG("states & tags", []Command{
		{"ask --all <x>", "STATE      TAG\n\x1b[32mconfirmed\x1b[0m  prod\n\x1b[31mblocked\x1b[0m    two words\n"},
		{"again", "…é  last\n"},
	})
	if err := xml.Unmarshal([]byte(picture), &got); err != nil {
		t.Fatalf("%v\n%s", err, picture)
	}
	if got.Title != "states & tags" {
		t.Errorf("title %q", got.Title)
	}
	for i, want := range []struct {
		text, class string
		line, at    int
	}{
		{"$ ask --all <x>", "prompt", 0, 0}, {"STATE", "", 1, 0}, {"TAG", "", 1, 11},
		{"confirmed", "green", 2, 0}, {"prod", "", 2, 11}, {"blocked", "red", 3, 0}, {"two words", "", 3, 11},
		{"$ again", "prompt", 5, 0}, {"…é", "", 6, 0}, {"last", "", 6, 4},
	} {
		word := got.Texts[i]
		line, at := (word.Y-got.Texts[0].Y)/row, (word.X-margin)/column
		if word.Text != want.text || word.Class != want.class || line != want.line || int(at+0.5) != want.at {
			t.Errorf("word %d is %+v in line %d, column %.1f, want %+v", i, word, line, at, want)
		}
		if want := column * float64(columns(word.Text)); word.Long < want-0.1 || word.Long > want+0.1 {
			t.Errorf("word %q is %.1f long, want %.1f", word.Text, word.Long, want)
		}
	}
	if len(got.Texts) != 10 {
		t.Errorf("%d words, want 10", len(got.Texts))
	}
}

func TestAPictureIsLegibleInBothThemes(t *testing.T) {
	picture := SVG("", []Command{{"ask", "\x1b[33mpending\x1b[0m"}})
	light, dark, _ := strings.Cut(picture, "@media (prefers-color-scheme: dark)")
	for _, class := range []string{".window {", "text {", ".prompt {", ".green {", ".yellow {", ".red {"} {
		if !strings.Contains(light, class) || !strings.Contains(dark, class) {
			t.Errorf("%s has no color in one of the themes", class)
		}
	}
}
