package ecr

// failure is an image of a batch that was refused, in a reply with HTTP status
// 200, https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html.
type failure struct {
	ID     imageID `json:"imageId"`
	Code   string  `json:"failureCode"`
	Reason string  `json:"failureReason"`
}

const (
	imageNotFound         = "ImageNotFound"
	tagDoesNotMatchDigest = "ImageTagDoesNotMatchDigest"
	missingDigestAndTag   = "MissingDigestAndTag"
	invalidImageDigest    = "InvalidImageDigest"
	invalidImageTag       = "InvalidImageTag"
	referencedByIndex     = "ImageReferencedByManifestList"
)

var reasons = map[string]string{
	imageNotFound:         "Requested image not found",
	tagDoesNotMatchDigest: "Invalid request parameters: given tag does not map to the given digest",
	missingDigestAndTag:   "Invalid request parameters: both tag and digest cannot be null",
	invalidImageDigest:    "Invalid request parameters: image digest should satisfy the regex '" + digestPattern + "'",
	invalidImageTag:       "Invalid request parameters: image tag should satisfy the regex '" + tagPattern + "'",
}

func (id imageID) failure(code string) *failure {
	return &failure{ID: id, Code: code, Reason: reasons[code]}
}

// malformed gives the failure of an id that can name no image.
func (id imageID) malformed() *failure {
	switch {
	case id.Digest == "" && id.Tag == "":
		return id.failure(missingDigestAndTag)
	case checkDigest(id.Digest) != nil:
		return id.failure(invalidImageDigest)
	case checkTag(id.Tag) != nil:
		return id.failure(invalidImageTag)
	}
	return nil
}
