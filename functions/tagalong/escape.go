package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// What others wrote comes to people's terminals: reasons and messages of AWS, fields
// of events, names of files, commits. A control character in it could color, hide or
// overwrite what stands there, and a format character turn it round. So all that is
// printed goes through an escaper, whatever it is made of and whether a terminal reads
// it now or a file keeps it for one:
//
//   - in JSON the escape is JSON's own, so that the value stays what it was;
//   - in CSV, which has no escapes, it stands in the field: whoever needs the very
//     characters takes JSON. Line breaks and tabs stay, since the quotes hold them;
//   - lines for people are made by printable, which keeps line breaks out, too.
//
// Only colors and the progress of a sweep are written past it, by raw: their cells and
// names have come through printable.

// escaper writes characters that a terminal would obey as \u001b and the like.
type escaper struct {
	to   io.Writer
	rest []byte // the beginning of a character whose end is yet to come
}

// Write implements io.Writer.
func (e *escaper) Write(p []byte) (int, error) {
	text := append(e.rest, p...)
	whole := len(text)
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if last := text[len(text)-cut:]; utf8.RuneStart(last[0]) && !utf8.FullRune(last) {
			whole = len(text) - cut
		}
	}
	e.rest = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(e.to, escaped(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// raw returns what an escaper writes to.
func raw(w io.Writer) io.Writer {
	if e, ok := w.(*escaper); ok {
		return e.to
	}
	return w
}

// terminal returns the terminal that is written to, if it is one.
func terminal(w io.Writer) (*os.File, bool) {
	file, ok := raw(w).(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

// escaped escapes a text but for its line breaks and tabs.
func escaped(text string) string {
	return rewritten(text, func(r rune) string {
		if r == '\n' || r == '\t' {
			return string(r)
		}
		return escape(r)
	})
}

// printable escapes a text, and keeps it on one line.
func printable(text string) string {
	return rewritten(text, func(r rune) string {
		if unicode.IsSpace(r) {
			return " "
		}
		return escape(r)
	})
}

// rewritten rewrites the characters that a terminal would obey.
func rewritten(text string, rewrite func(rune) string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			b.WriteString(rewrite(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escape writes a character as JSON may.
func escape(r rune) string {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
