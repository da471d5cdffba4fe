package page

import (
	"strings"
)

// commandLine writes a command as a shell reads it.
func commandLine(words []string) string {
	var line []string
	for _, word := range words {
		line = append(line, quoted(word))
	}
	return strings.Join(line, " ")
}

// plain are what no shell takes for anything else.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@=,+%"

func quoted(word string) string {
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// flags returns a command with those flags that have a value: names and values, in turn.
func flags(command []string, pairs ...string) []string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			command = append(command, pairs[i], pairs[i+1])
		}
	}
	return command
}
