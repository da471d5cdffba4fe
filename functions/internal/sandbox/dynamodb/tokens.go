package dynamodb

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// tokenLife is how long a ClientRequestToken stands for its transaction.
const tokenLife = 10 * time.Minute

// tokenUse is a transaction that was committed under a token.
type tokenUse struct {
	at         time.Time
	parameters [sha256.Size]byte
	read       shares // what a repetition consumes
}

func checkToken(token *string) error {
	if token != nil && (len(*token) < 1 || len(*token) > 36) {
		return validationf("1 validation error detected: Value '%s' at 'clientRequestToken' failed to satisfy constraint: Member must have length between 1 and 36", *token)
	}
	return nil
}

// tokenUsed tells what a repetition of a transaction consumes, nil for a first
// one. The caller holds the lock.
func (s *scope) tokenUsed(in *transactWriteItemsInput) (shares, error) {
	if in.ClientRequestToken == nil {
		return nil, nil
	}
	use, ok := s.tokens[*in.ClientRequestToken]
	if !ok || s.now().Sub(use.at) >= tokenLife {
		return nil, nil
	}
	if use.parameters != in.fingerprint() {
		return nil, wire.Errorf(codeTokenMismatch, "The request uses the same client token as a previous, but non-identical request.")
	}
	return use.read, nil
}

// keepToken remembers a committed transaction and forgets those of long ago.
func (s *scope) keepToken(in *transactWriteItemsInput, read shares) {
	if in.ClientRequestToken == nil {
		return
	}
	if len(s.tokens) >= s.tokenSweep {
		for token, use := range s.tokens {
			if s.now().Sub(use.at) >= tokenLife {
				delete(s.tokens, token)
			}
		}
		s.tokenSweep = max(1024, 2*len(s.tokens))
	}
	s.tokens[*in.ClientRequestToken] = tokenUse{at: s.now(), parameters: in.fingerprint(), read: read}
}

// fingerprint identifies the actions of a transaction.
func (in *transactWriteItemsInput) fingerprint() [sha256.Size]byte {
	data, err := json.Marshal(in.TransactItems)
	if err != nil {
		panic(err) // what was decoded can be encoded
	}
	return sha256.Sum256(data)
}
