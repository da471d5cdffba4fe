package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The ids of the sandbox look random and are not: the same story gives the
// same ids, so that its output can be compared.

// UUID derives a version 4 UUID from the parts.
func UUID(parts ...string) string {
	h := hash(parts)
	h[6] = h[6]&0x0f | 0x40
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// Hex derives n ≤ 64 hexadecimal digits from the parts.
func Hex(n int, parts ...string) string {
	h := hash(parts)
	return hex.EncodeToString(h[:])[:n]
}

// Decimal derives a number of 19 decimal digits from the parts.
func Decimal(parts ...string) string {
	h := hash(parts)
	const low, span = 1_000_000_000_000_000_000, 8_000_000_000_000_000_000
	return fmt.Sprint(low + binary.BigEndian.Uint64(h[:])%span)
}

// Text derives n ≤ 32 characters of an alphabet from the parts.
func Text(n int, alphabet string, parts ...string) string {
	h := hash(parts)
	var b strings.Builder
	for _, c := range h[:n] {
		b.WriteByte(alphabet[int(c)%len(alphabet)])
	}
	return b.String()
}

// Serial counts what gets an id. Its users take care that they do so one by one.
type Serial int

// Seed counts one more, and gives the parts that make its id unique.
func (n *Serial) Seed(parts ...string) []string {
	*n++
	return slices.Concat(parts, []string{strconv.Itoa(int(*n))})
}

func hash(parts []string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join(parts, "\x00")))
}
