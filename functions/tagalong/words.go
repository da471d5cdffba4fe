package main

import (
	"regexp"
	"strings"
)

// What the parser says of a command line that it does not understand is made for who wrote
// the parser. Here it becomes what is wrong and what would be right; what is in no such form
// stays as it is.

// saying is a form of the parser's errors, and what people are told.
type saying struct {
	form *regexp.Regexp
	tell func(found []string) string
}

var sayings = []saying{
	{regexp.MustCompile(`^expected "<(.+?)>( \.\.\.)?"$`), func(f []string) string { return "<" + f[1] + "> is missing" }},
	{regexp.MustCompile(`^expected (?:one of )?(".*?)(, \.\.\.)?$`), func(f []string) string {
		if f[2] != "" {
			f[1] += ",another"
		}
		return "a command is missing: want " + alternatives(f[1])
	}},
	{regexp.MustCompile(`^missing flags: (.*)$`), func(f []string) string {
		verb := " is missing"
		if strings.Contains(f[1], ", ") {
			verb = " are missing"
		}
		return strings.NewReplacer("=", " ", ", ", " and ").Replace(f[1]) + verb
	}},
	{regexp.MustCompile(`^(\S+) must be one of (".*") but got (".*")$`), func(f []string) string { return f[1] + " " + f[3] + ": want " + alternatives(f[2]) }},
	{regexp.MustCompile(`^(--\S+): expected a valid \d+ bit int but got (".*")$`), func(f []string) string { return f[1] + " " + f[2] + ": want a whole number" }},
	{regexp.MustCompile(`^(--\S+): expected \S+ value but got "EOL" \(<EOL>\)$`), func(f []string) string { return f[1] + " has no value" }},
	{regexp.MustCompile(`^(--\S+): bool value must be .* but got (".*")$`), func(f []string) string { return f[1] + " " + f[2] + ": want true or false, or the flag alone" }},
	{regexp.MustCompile(`^unknown flag (--?\S+?)(?:, did you mean (.*)\?)?$`), func(f []string) string { return "there is no flag " + f[1] + meant(f[2]) }},
	{regexp.MustCompile(`^unexpected argument (.*?)(?:, did you mean (.*)\?)?$`), func(f []string) string { return `"` + f[1] + `" is not expected here` + meant(f[2]) }},
}

// alternatives lists quoted words with commas between them.
func alternatives(quoted string) string {
	words := strings.Split(strings.NewReplacer(`"`, "", " ", "").Replace(quoted), ",")
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// meant offers what is like it.
func meant(quoted string) string {
	if quoted == "" {
		return ""
	}
	return ": did you mean " + alternatives(strings.TrimPrefix(quoted, "one of ")) + "?"
}

// inWords says in words what the parser did not understand.
func inWords(err error) string {
	text := err.Error()
	for _, s := range sayings {
		if found := s.form.FindStringSubmatch(text); found != nil {
			return s.tell(found)
		}
	}
	return text
}
