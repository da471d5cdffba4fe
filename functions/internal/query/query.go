package query

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/xhit/go-str2duration/v2"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Queries answers the questions that people and tools ask of the ledger. Each
// reads the key ranges of its answer and nothing else.
type Queries struct {
	Records  ledger.Records
	Registry tagalong.Registry // for what ECR says now
	// Retention is how long closed rows are kept; zero: for ever.
	Retention time.Duration
	// Coverage returns what we were given, and Scopes where services are looked for:
	// there ECR is asked for repositories that the ledger does not know. Nil: it is not.
	Coverage func(context.Context) (tagalong.Coverage, error)
	Scopes   func(context.Context) ([]tagalong.Scope, error)
	// Now is the clock that rows expire by; nil is time.Now.
	Now func() time.Time
}

func (q Queries) now() time.Time {
	if q.Now == nil {
		return time.Now()
	}
	return q.Now()
}

// Paging asks for a part of an answer.
type Paging struct {
	Limit  int    // at most so many rows; 0 is all
	Cursor string // Page.Next of the page before; "" begins
}

// hint is how many rows it takes to know a full page from the last one.
func (p Paging) hint() int {
	if p.Limit == 0 {
		return 0
	}
	return p.Limit + 1
}

// Page is a part of an answer, and where the next one begins.
type Page[R any] struct {
	Items []R `json:"items"`
	// Next goes on behind this page; "" if there is no more. A page that is not
	// full may have it, too: much had to be looked at in vain.
	Next string `json:"next"`
	// Watched says of a page without rows, and of what is in use, what was looked at and what
	// nobody watches.
	Watched string `json:"watched,omitempty"`
	// Gaps are services that belong to the answer if something of them ran, and
	// the ledger does not know: it has seen them only later.
	Gaps []Gap `json:"-"`
	// CompleteSince is the time from which on the ledger knows all services of the whole
	// answer, whichever page this is; zero if it knows them.
	CompleteSince time.Time `json:"-"`
}

// Gap is a service of which nothing is known at a time.
type Gap struct {
	Service tagalong.Service
	// CompleteSince is the time from which on the ledger knows the service.
	CompleteSince time.Time
}

// completeSince is the time from which on all of them are known; zero if there are none.
func completeSince(gaps []Gap) (latest time.Time) {
	for _, gap := range gaps {
		if gap.CompleteSince.After(latest) {
			latest = gap.CompleteSince
		}
	}
	return latest
}

// ErrCursor says that a cursor is not one that this question gave.
var ErrCursor = errors.New("cursor is not one that this question gave")

// position is a place in the order of an answer. It is legal if a row could
// stand there, as far as its form shows.
type position interface{ Valid() bool }

// seal makes a cursor: a position in the answer to a question. It is sealed
// against mistakes, not against forgery: whoever makes one up gets nothing but
// rows of the question that goes with it.
func seal(question string, position any) (string, error) {
	text, err := json.Marshal(position)
	if err != nil {
		return "", fmt.Errorf("cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(append(sum(question, text), text...)), nil
}

const sumSize = 9

func sum(question string, text []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %s", len(question), question, text)
	return h.Sum(nil)[:sumSize]
}

// unseal reads a cursor into a position; "" leaves it as it is.
func unseal(question, cursor string, at position) error {
	if cursor == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) < sumSize {
		return ErrCursor
	}
	text := raw[sumSize:]
	if subtle.ConstantTimeCompare(sum(question, text), raw[:sumSize]) == 0 || json.Unmarshal(text, at) != nil || !at.Valid() {
		return ErrCursor
	}
	return nil
}

// answer is an answer's rows from a position on, in order.
type answer[T, R, P any] struct {
	question string
	rows     iter.Seq2[T, error]
	show     func(T) R
	at       func(T) P // where the next page goes on behind this row
	// pause says that T is no row, but where the page ends before it is full;
	// nil: no page does.
	pause func(T) bool
}

// page takes the first rows of an answer.
func (a answer[T, R, P]) page(limit int) (Page[R], error) {
	page := Page[R]{Items: []R{}}
	var last T
	for row, err := range a.rows {
		if err != nil {
			return Page[R]{}, err
		}
		if limit > 0 && len(page.Items) == limit {
			page.Next, err = seal(a.question, a.at(last))
			return page, err
		}
		if a.pause != nil && a.pause(row) {
			page.Next, err = seal(a.question, a.at(row))
			return page, err
		}
		page.Items = append(page.Items, a.show(row))
		last = row
	}
	return page, nil
}

// pageOf returns a page of an answer that is at hand, which it sorts.
func pageOf[R any, P position](question string, rows []R, at func(R) P, compare func(a, b P) int, behind P, limit int) (Page[R], error) {
	slices.SortFunc(rows, func(a, b R) int { return compare(at(a), at(b)) })
	rows = slices.DeleteFunc(rows, func(r R) bool { return compare(at(r), behind) <= 0 })
	return answer[R, R, P]{question: question, rows: stream.FromSlice(rows), show: func(r R) R { return r }, at: at}.page(limit)
}

// questionOf names a question, so that its cursors are no other question's.
func questionOf(query any) string { return fmt.Sprintf("%#v", query) }

const wantTime = "RFC 3339 such as 2026-03-04T03:12:00Z"

// ParseTime reads a time of RFC 3339, in UTC, of which the seconds may be left out. Go's
// zero time stands for none in every question, so it is refused.
func ParseTime(s string) (time.Time, error) { return parseTime(s, wantTime) }

// ParseTimeOrAge reads what ParseTime does, or how long ago a time was.
func ParseTimeOrAge(s string, now time.Time) (time.Time, error) {
	if ago, err := ParseDuration(s); err == nil {
		return now.Add(-ago), nil
	}
	return parseTime(s, wantTime+", or how long ago such as 90m, 2h or 3d")
}

func parseTime(s, want string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04Z07:00", s)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q: want %s", s, want)
	}
	if t = t.UTC(); t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("time %q: want one after 0001-01-01T00:00:00Z and before the year 10000, such as 2026-03-04T03:12:00Z", s)
	}
	return t, nil
}

// ParseDuration reads how long something is, in days too.
func ParseDuration(s string) (time.Duration, error) {
	d, err := str2duration.ParseDuration(s)
	switch {
	case err != nil:
	case d < 0:
		err = errors.New("below zero")
	case s[len(s)-1] <= '9': // a zero may have no unit
		err = errors.New("without a unit")
	}
	return d, err
}
