package job

import (
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	retryAction = "retry the action"
	checkImage  = "check the image's tag and digest"
)

// codes are the error codes of AWS that say more than that something failed:
// of CodePipeline, ECR, ECS, S3, STS and DynamoDB, in any operation.
var codes = map[string]struct {
	kind   tagalong.FailureType
	advice string
}{
	"RepositoryNotFoundException":          {tagalong.ConfigurationError, "check the name, the account and the Region of the repository"},
	"ImageNotFoundException":               {tagalong.ConfigurationError, checkImage},
	"ImageTagAlreadyExistsException":       {tagalong.ConfigurationError, "exclude the tag from the repository's immutability"},
	"LimitExceededException":               {tagalong.ConfigurationError, "an image takes 1000 tags: remove some"}, // of ECR a quota, whatever the SDK takes it for
	"InvalidParameterException":            {tagalong.ConfigurationError, ""},
	"InvalidTagParameterException":         {tagalong.ConfigurationError, ""},
	"KmsException":                         {tagalong.ConfigurationError, "check the repository's KMS key"},
	"KmsError":                             {tagalong.ConfigurationError, "check the repository's KMS key"}, // this and the next are of single images
	"InvalidImageDigest":                   {tagalong.ConfigurationError, checkImage},
	"InvalidImageTag":                      {tagalong.ConfigurationError, checkImage},
	"ImageTagDoesNotMatchDigest":           {tagalong.ConfigurationError, checkImage},
	"MissingDigestAndTag":                  {tagalong.ConfigurationError, checkImage},
	"ImageReferencedByManifestList":        {tagalong.ConfigurationError, "name the index that holds the image"},
	"UpstreamAccessDenied":                 {tagalong.PermissionError, "let the credentials of the pull-through cache rule read the image upstream"},
	"UpstreamTooManyRequests":              {tagalong.SystemUnavailable, retryAction},
	"UpstreamUnavailable":                  {tagalong.SystemUnavailable, retryAction},
	"LayersNotFoundException":              {tagalong.RevisionUnavailable, "the image's layers are not in the repository any more: push it again"},
	"ReferencedImagesNotFoundException":    {tagalong.RevisionUnavailable, "images of the index are not in the repository any more: push them again"},
	"UnableToGetUpstreamImageException":    {tagalong.SystemUnavailable, retryAction},
	"ServerException":                      {tagalong.SystemUnavailable, retryAction},
	"ClusterNotFoundException":             {tagalong.ConfigurationError, "check ClusterName"},
	"ServiceNotFoundException":             {tagalong.ConfigurationError, "check ClusterName and ServiceName"},
	"ServiceNotActiveException":            {tagalong.ConfigurationError, "the service is deleted"},
	"ResourceNotFoundException":            {tagalong.ConfigurationError, "check TAGALONG_TABLE, and the Region of the function"},
	"TransactionInProgressException":       {tagalong.SystemUnavailable, retryAction},
	"TransactionConflictException":         {tagalong.SystemUnavailable, retryAction},
	"ReplicatedWriteConflictException":     {tagalong.SystemUnavailable, retryAction},
	"InternalServerError":                  {tagalong.SystemUnavailable, retryAction},
	"ConcurrentModificationException":      {tagalong.SystemUnavailable, retryAction},
	"NoSuchKey":                            {tagalong.RevisionUnavailable, "the artifact is not in its bucket any more: release the change again"},
	"NoSuchBucket":                         {tagalong.ConfigurationError, "the pipeline's artifact bucket is not there any more"},
	"PermanentRedirect":                    {tagalong.ConfigurationError, "the artifact bucket is in another Region than the function"},
	"AuthorizationHeaderMalformed":         {tagalong.ConfigurationError, "the artifact bucket is in another Region than the function"},
	"ConditionalRequestConflict":           {tagalong.SystemUnavailable, retryAction},
	"KMS.DisabledException":                {tagalong.ConfigurationError, "the artifact store's KMS key is disabled"},
	"KMS.NotFoundException":                {tagalong.ConfigurationError, "the artifact store's KMS key is not there"},
	"KMS.KMSInvalidStateException":         {tagalong.ConfigurationError, "the artifact store's KMS key is not in use"},
	"ExpiredToken":                         {tagalong.SystemUnavailable, "the credentials have ended: " + retryAction},
	"ExpiredTokenException":                {tagalong.SystemUnavailable, "the credentials have ended: " + retryAction},
	"RequestExpired":                       {tagalong.SystemUnavailable, retryAction},
	"UnrecognizedClientException":          {tagalong.PermissionError, "AWS does not know the credentials"},
	"InvalidClientTokenId":                 {tagalong.PermissionError, "AWS does not know the credentials"},
	"InvalidAccessKeyId":                   {tagalong.PermissionError, "AWS does not know the credentials"},
	"SignatureDoesNotMatch":                {tagalong.PermissionError, "AWS does not take the credentials"},
	"InvalidSignatureException":            {tagalong.PermissionError, "AWS does not take the credentials"},
	"OptInRequired":                        {tagalong.PermissionError, "the account may not use the service"},
	"OutputVariablesSizeExceededException": {tagalong.JobFailed, "the output variables are too large"},
}

// sentinels are the core's words.
var sentinels = []struct {
	err    error
	kind   tagalong.FailureType
	advice string
}{
	{ledger.ErrNoTable, tagalong.ConfigurationError, "check TAGALONG_TABLE, and the Region of the function"},
	{tagalong.ErrTaken, tagalong.ConfigurationError, "exclude the tag from the repository's immutability"},
	{tagalong.ErrFull, tagalong.ConfigurationError, "an image takes 1000 tags: remove some"},
	{tagalong.ErrGone, tagalong.RevisionUnavailable, "push it again"},
	{tagalong.ErrUnanswered, tagalong.SystemUnavailable, retryAction},
	{tagalong.ErrBusy, tagalong.SystemUnavailable, retryAction},
	{tagalong.ErrOutOfOrder, tagalong.SystemUnavailable, retryAction},
	{ledger.ErrInDoubt, tagalong.SystemUnavailable, retryAction},
	{ledger.ErrConflict, tagalong.SystemUnavailable, retryAction},
	{tagalong.ErrNotFound, tagalong.ConfigurationError, "check the names"},
	{tagalong.ErrDenied, tagalong.PermissionError, "allow it to the function's role"},
	{tagalong.ErrElsewhere, tagalong.ConfigurationError, "list the account and the Region in TAGALONG_ACCOUNTS"},
}
