package wire

import (
	"net/http"
	"regexp"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Scope is where a resource of AWS lives: one account in one Region. The
// sandbox keeps a state of its own for each.
type Scope struct {
	Account string
	Region  string
}

// Or fills the fields that are empty from another scope.
func (s Scope) Or(other Scope) Scope {
	if s.Account == "" {
		s.Account = other.Account
	}
	if s.Region == "" {
		s.Region = other.Region
	}
	return s
}

// String gives account/region.
func (s Scope) String() string { return s.Account + "/" + s.Region }

// ARN builds the ARN of a resource in this scope.
func (s Scope) ARN(service, resource string) string {
	return tagalong.PartitionOf(s.Region).ARN(service, s.Region, s.Account, resource)
}

// RegistryHost is the host name of the scope's private ECR registry,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html.
func (s Scope) RegistryHost() string {
	return tagalong.RegistryHost(s.Account, s.Region)
}

// Caller is who sent a request: the scope that it speaks for and its identity.
type Caller struct {
	Scope
	ARN string // as GetCallerIdentity gives it
}

// Credential is the credential scope of a Signature Version 4 Authorization
// header,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html.
type Credential struct {
	AccessKeyID  string
	Region       string
	Service      string
	SessionToken string
}

var credentialPattern = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9_]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]+$`)

// ParseCredential reads the credential scope of a request. It verifies no
// signature; a request without one is refused.
func ParseCredential(r *http.Request) (Credential, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return Credential{}, Errorf("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	m := credentialPattern.FindStringSubmatch(header)
	if m == nil {
		return Credential{}, Errorf("IncompleteSignatureException", "Authorization header is not a complete Signature Version 4: %q", header)
	}
	return Credential{
		AccessKeyID: m[1], Region: m[2], Service: m[3],
		SessionToken: r.Header.Get("X-Amz-Security-Token"),
	}, nil
}

// Check refuses a credential that was scoped to another service.
func (c Credential) Check(service string) error {
	if c.Service != service {
		return Errorf("InvalidSignatureException", "Credential should be scoped to correct service: '%s'.", service)
	}
	return nil
}
