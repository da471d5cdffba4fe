package sandbox

import (
	"net/http"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/s3"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sts"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// artifacts keeps the artifacts of pipelines in S3, and lets STS know whose a
// job's credentials are.
type artifacts struct {
	s3  *s3.Service
	sts *sts.Service
}

// Keep implements codepipeline.Store.
func (a artifacts) Keep(scope wire.Scope, bucket, kmsKey string) {
	a.s3.Keep(scope.Account, bucket, kmsKey)
}

// Grant implements codepipeline.Store.
func (a artifacts) Grant(g codepipeline.Grant) {
	a.sts.AddKey(g.AccessKeyID, g.Account)
	a.s3.Grant(s3.Grant{AccessKeyID: g.AccessKeyID, SessionToken: g.SessionToken, Bucket: g.Bucket, Read: g.Read, Write: g.Write})
}

// isS3 tells whether a request without a target is one of S3, by what it is
// signed for.
func isS3(r *http.Request) bool {
	credential, err := wire.ParseCredential(r)
	return err == nil && credential.Service == "s3"
}

// serveS3 answers REST requests, which only S3 speaks here.
func (s *Sandbox) serveS3(w http.ResponseWriter, r *http.Request, rec *Call) {
	s.calls.name(rec, "s3", s3.Operation(r))
	caller, err := s.caller(r, "s3")
	if err != nil {
		s3.WriteError(w, r, err)
		return
	}
	s.calls.by(rec, caller.Scope)
	s.S3.Serve(w, r, caller)
}
