package ecr

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Tag implements tagalong.Registry. The SDK makes one attempt and no more, so
// that each one whose answer is missing is known to the caller; the manifest
// goes back byte for byte, and ECR checks it against the digest.
func (r *Registry) Tag(ctx context.Context, repository tagalong.Repository, m tagalong.Manifest, tag string) error {
	t, err := r.target(ctx, repository)
	if err != nil {
		return err
	}
	in := &ecr.PutImageInput{
		RegistryId:     t.registryID,
		RepositoryName: t.name,
		ImageManifest:  aws.String(string(m.Bytes)),
		ImageDigest:    aws.String(m.Digest.String()),
		ImageTag:       &tag,
	}
	if m.MediaType != "" {
		in.ImageManifestMediaType = &m.MediaType
	}
	var seen sentRequest
	_, err = t.PutImage(ctx, in, func(o *ecr.Options) {
		o.Retryer = aws.NopRetryer{}
		seen.client, o.HTTPClient = o.HTTPClient, &seen
	})
	kind := seen.classify(err)
	if err == nil || errors.Is(kind, errAlready) {
		return nil
	}
	return fmt.Errorf("putting tag %q on %s in %s: %w", tag, m.Digest, repository, explain(kind, err))
}

// explain puts the core's word before ECR's own.
func explain(kind, err error) error {
	api, known := errors.AsType[smithy.APIError](err)
	switch {
	case kind == nil:
		return err
	case known && (errors.Is(kind, tagalong.ErrTaken) || errors.Is(kind, tagalong.ErrFull) || errors.Is(kind, tagalong.ErrRefused) || errors.Is(kind, tagalong.ErrGone)):
		return &reason{text: fmt.Sprintf("%v: %s: %s", kind, api.ErrorCode(), api.ErrorMessage()), causes: []error{kind, err}}
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// reason is an error whose text the ledger keeps: it says the same each time,
// without the id of the request, so that nothing is written when nothing changes.
type reason struct {
	text   string
	causes []error
}

func (r *reason) Error() string   { return r.text }
func (r *reason) Unwrap() []error { return r.causes }

// sentRequest notes whether a request left and whether it was answered, which the
// error alone does not always tell: one of credentials leaves nothing, one of a
// timeout may have left a request on its way.
type sentRequest struct {
	client         ecr.HTTPClient
	sent, answered bool
}

// Do implements ecr.HTTPClient.
func (w *sentRequest) Do(r *http.Request) (*http.Response, error) {
	w.sent = true
	reply, err := w.client.Do(r)
	w.answered = err == nil
	return reply, err
}

// errAlready says that the tag sits on that digest already.
var errAlready = errors.New("unchanged")

// classify translates an error of PutImage into the core's terms, nil for one that
// has none there,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html#API_PutImage_Errors.
func (w *sentRequest) classify(err error) error {
	switch {
	case err == nil:
		return nil
	case w.sent && (!w.answered || gateway(status(err))):
		return tagalong.ErrUnanswered
	case is[*types.ImageAlreadyExistsException](err):
		return errAlready
	case is[*types.ImageTagAlreadyExistsException](err):
		return tagalong.ErrTaken
	case is[*types.LimitExceededException](err): // a quota; the SDK takes it for throttling
		return tagalong.ErrFull
	case is[*types.KmsException](err), is[*types.BlockedByOrganizationPolicyException](err), is[*types.ImageDigestDoesNotMatchException](err),
		is[*types.InvalidParameterException](err), is[*types.UnsupportedImageTypeException](err):
		return tagalong.ErrRefused
	case is[*types.LayersNotFoundException](err), is[*types.ReferencedImagesNotFoundException](err), is[*types.RepositoryNotFoundException](err):
		return tagalong.ErrGone
	}
	return later(err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// gateway reports whether a gateway speaks, which does not know whether ECR still
// acts on the request.
func gateway(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusGatewayTimeout
}

// later knows the errors that time mends.
func later(err error) error {
	code := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	switch {
	case throttled || status(err) == http.StatusTooManyRequests:
		return tagalong.ErrBusy
	case status(err) >= http.StatusInternalServerError || is[*types.ServerException](err):
		return tagalong.ErrOutOfOrder
	}
	return nil
}

// status returns the HTTP status of the answer, 0 if there was none.
func status(err error) int {
	if reply, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return reply.HTTPStatusCode()
	}
	return 0
}
