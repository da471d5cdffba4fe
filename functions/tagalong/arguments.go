package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// AfterApply refuses empty values. In a script they are variables that nobody
// set, and what is left out means all.
func (*cli) AfterApply(command *kong.Context) error {
	for _, given := range command.Path {
		switch {
		case given.Flag != nil && empty(given.Flag.Target):
			return emptyFlag(given.Flag)
		case given.Positional != nil && empty(given.Positional.Target):
			return fmt.Errorf(`<%s> "": want a value`, given.Positional.Name)
		}
	}
	return nil
}

func empty(value reflect.Value) bool {
	switch v := value.Interface().(type) {
	case string:
		return v == ""
	case []string:
		return slices.Contains(v, "")
	}
	return false
}

func emptyFlag(f *kong.Flag) error {
	if f.Required {
		return fmt.Errorf(`--%s "": want %s`, f.Name, f.FormatPlaceHolder())
	}
	return fmt.Errorf(`--%s "": want %s, or the flag left out`, f.Name, f.FormatPlaceHolder())
}

// servicePattern reads --service; without it every service is meant.
func servicePattern(s string) (tagalong.ServicePattern, error) {
	if s == "" {
		return tagalong.ServicePattern{}, nil
	}
	p, err := tagalong.ParseServicePattern(s)
	if err != nil {
		return p, usageError{fmt.Errorf("--service: %w", err)}
	}
	return p, nil
}

// environmentFlag reads an environment's name; without it all of them are meant.
func environmentFlag(flag, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if _, err := query.ParseEnvironment(name); err != nil {
		return "", usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return name, nil
}

// oneOf returns an environment that is given as a word or as the flag --environment.
func oneOf(word, flag string) (string, error) {
	if word != "" && flag != "" && word != flag {
		return "", usagef("--environment %s: want the same as %s, or one of both alone", flag, word)
	}
	return cmp.Or(word, flag), nil
}

// oneEnvironment reads an environment that is given as a word or as the flag; without it
// all of them are meant.
func oneEnvironment(word, flag string) (string, error) {
	name, err := oneOf(word, flag)
	if err != nil {
		return "", err
	}
	return environmentFlag("--environment", name)
}

// readPointInTime reads an argument NAME or NAME@TIME.
func readPointInTime(s string, now time.Time) (query.PointInTime, error) {
	m, err := query.ParsePointInTime(s, func(value string) (time.Time, error) { return pastTime(value, now) })
	if err != nil {
		return m, usageError{err}
	}
	return m, nil
}

// timeFlag reads a flag that is a point in time; the zero time if it is not given.
func timeFlag(flag, value string, now time.Time) (time.Time, error) {
	return readFlag(flag, value, now, query.ParseTimeOrAge)
}

// pastFlag is timeFlag for what has happened.
func pastFlag(flag, value string, now time.Time) (time.Time, error) {
	return readFlag(flag, value, now, pastTime)
}

func readFlag(flag, value string, now time.Time, read func(string, time.Time) (time.Time, error)) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := read(value, now)
	if err != nil {
		return t, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return t, nil
}

// pastTime reads a point in time that is not in the future.
func pastTime(value string, now time.Time) (time.Time, error) {
	t, err := query.ParseTimeOrAge(value, now)
	if err == nil && t.After(now) {
		err = fmt.Errorf("time %q is in the future: it is %s now", value, now.Format(time.RFC3339))
	}
	return t, err
}

// withoutSeconds is RFC 3339 as people write it.
const withoutSeconds = "2006-01-02T15:04Z07:00"
