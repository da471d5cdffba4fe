package dynamodb

import (
	_ "embed"
	"strings"
	"sync"
)

// reservedText is the list of 573 words of the developer guide's page
// "Reserved words in DynamoDB", in lower case.
//
//go:embed reserved.txt
var reservedText string

var reservedWords = sync.OnceValue(func() map[string]bool {
	words := make(map[string]bool)
	for _, word := range strings.Fields(reservedText) {
		words[word] = true
	}
	return words
})

// isReserved reports whether a name must not stand in an expression
// without a placeholder. Case does not matter.
func isReserved(name string) bool {
	return reservedWords()[strings.ToLower(name)]
}
