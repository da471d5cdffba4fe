// Package sts is the sandbox's AWS Security Token Service: it says who calls
// and hands out credentials for declared roles, so that code which works
// across accounts can be tried.
//
// The operations are described at
// https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html.
package sts

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Options of a service.
type Options struct {
	Account string           // whose credentials unknown access keys are
	Now     func() time.Time // the clock where a request does not bring its own
}

// Service is the token service. It is safe for concurrent use.
type Service struct {
	options Options

	mu      sync.Mutex
	roles   map[string]bool     // by ARN
	keys    map[string]identity // by access key id
	session int                 // counts the credentials handed out
}

// identity is whom an access key stands for.
type identity struct {
	account, arn, userID string
	token                string    // the session token, for temporary credentials
	expires              time.Time // zero for lasting ones
}

// New makes a service without roles.
func New(options Options) *Service {
	return &Service{options: options, roles: map[string]bool{}, keys: map[string]identity{}}
}

// AddRole declares a role that anybody may assume. The account in its ARN is
// the one that its credentials speak for.
func (s *Service) AddRole(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[arn] = true
}

// AddKey declares a lasting access key of an account.
func (s *Service) AddKey(accessKeyID, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[accessKeyID] = identity{account: account}
}

// Caller gives the caller that a request's credential stands for; at is the
// request's own time.
func (s *Service) Caller(c wire.Credential, at time.Time) (wire.Caller, error) {
	id, err := s.identify(c, at)
	if err != nil {
		return wire.Caller{}, err
	}
	return wire.Caller{Scope: wire.Scope{Account: id.account, Region: c.Region}, ARN: id.arn}, nil
}

func (s *Service) identify(c wire.Credential, at time.Time) (identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, known := s.keys[c.AccessKeyID]
	switch {
	case !known:
		return user(s.options.Account, c.Region), nil
	case id.token == "": // of a key that lasts
		return user(id.account, c.Region), nil
	case id.token != c.SessionToken:
		return identity{}, wire.Errorf("UnrecognizedClientException", "The security token included in the request is invalid.")
	case !id.expires.IsZero() && !at.Before(id.expires):
		return identity{}, wire.Errorf("ExpiredTokenException", "The security token included in the request is expired")
	}
	return id, nil
}

func user(account, region string) identity {
	return identity{
		account: account,
		arn:     tagalong.PartitionOf(region).ARN("iam", "", account, "user/sandbox"),
		userID:  "AIDA" + strings.ToUpper(wire.Hex(17, "user", account)),
	}
}

var rolePattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)

// assume makes credentials for a role. ok is false for an undeclared one.
func (s *Service) assume(role, session string, expires time.Time) (key credentials, id identity, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.roles[role] || !rolePattern.MatchString(role) {
		return credentials{}, identity{}, false
	}
	s.session++
	seed := []string{role, session, strconv.Itoa(s.session)}
	key = credentials{
		AccessKeyID:     "ASIA" + strings.ToUpper(wire.Hex(16, append(seed, "key")...)),
		SecretAccessKey: wire.Hex(40, append(seed, "secret")...),
		SessionToken:    wire.Hex(64, append(seed, "token")...),
		Expiration:      expires.UTC().Format(time.RFC3339),
	}
	id = assumed(role, session)
	id.token, id.expires = key.SessionToken, expires
	s.keys[key.AccessKeyID] = id
	return key, id, true
}

// assumed is the identity of a role's session: arn:aws:iam::A:role/path/NAME
// becomes arn:aws:sts::A:assumed-role/NAME/SESSION.
func assumed(role, session string) identity {
	parts := strings.SplitN(role, ":", 6)
	name := parts[5][strings.LastIndex(parts[5], "/")+1:]
	return identity{
		account: parts[4],
		arn:     "arn:" + parts[1] + ":sts::" + parts[4] + ":assumed-role/" + name + "/" + session,
		userID:  "AROA" + strings.ToUpper(wire.Hex(17, "role", role)) + ":" + session,
	}
}
