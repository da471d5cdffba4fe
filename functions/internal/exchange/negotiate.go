package exchange

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ETag returns the tag of a body by its checksum. It is a weak one: the body may be
// compressed.
func ETag(sum []byte) string { return fmt.Sprintf(`W/"%x"`, sum[:12]) }

// Knows reports whether the client has the body of a tag,
// https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match.
func Knows(request http.Header, tag string) bool {
	for known := range strings.SplitSeq(strings.Join(request.Values("If-None-Match"), ","), ",") {
		if known = strings.TrimSpace(known); known == "*" || strings.TrimPrefix(known, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// TakesGzip reads Accept-Encoding: gzip counts before *, and weight 0 is a no,
// https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding.
func TakesGzip(request http.Header) bool {
	weights := map[string]string{}
	for one := range strings.SplitSeq(strings.ToLower(strings.Join(request.Values("Accept-Encoding"), ",")), ",") {
		coding, parameters, _ := strings.Cut(one, ";")
		_, weight, _ := strings.Cut(parameters, "q=")
		weights[strings.TrimSpace(coding)] = cmp.Or(strings.TrimSpace(weight), "1")
	}
	weight, err := strconv.ParseFloat(cmp.Or(weights["gzip"], weights["x-gzip"], weights["*"]), 64)
	return err == nil && weight > 0
}
