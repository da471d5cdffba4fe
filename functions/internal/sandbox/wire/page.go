package wire

import (
	"encoding/base64"
	"sort"
	"strings"
)

// Pager cuts a sorted list into pages. Its tokens name the last key given out,
// so that a page is right even if the list has changed since.
type Pager[T any] struct {
	Name string // of the list: a token of another list is refused
	Key  func(T) string
	Max  int // the largest page that AWS allows
	Size int // of a page if the caller names none
}

// Page gives the page that follows token, and the next token or "". Items are
// sorted by their key; size 0 is the default. ok is false if the size or the
// token is not a legal one.
func (p Pager[T]) Page(items []T, size *int, token string) (page []T, next string, ok bool) {
	n := p.Size
	if size != nil {
		n = *size
	}
	last, ok := p.open(token)
	if !ok || n < 1 || n > p.Max {
		return nil, "", false
	}
	sort.SliceStable(items, func(i, j int) bool { return p.Key(items[i]) < p.Key(items[j]) })
	if token != "" {
		from := sort.Search(len(items), func(i int) bool { return p.Key(items[i]) > last })
		items = items[from:]
	}
	if len(items) <= n {
		return items, "", true
	}
	return items[:n], p.seal(p.Key(items[n-1])), true
}

func (p Pager[T]) seal(key string) string {
	return base64.StdEncoding.EncodeToString([]byte(p.Name + "\x00" + key))
}

func (p Pager[T]) open(token string) (last string, ok bool) {
	if token == "" {
		return "", true
	}
	plain, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return "", false
	}
	name, last, ok := strings.Cut(string(plain), "\x00")
	return last, ok && name == p.Name
}
