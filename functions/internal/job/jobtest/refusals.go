package jobtest

// Refusals are the codes with which ECR refuses a single image in a reply of status 200,
// and how a job that asked for it is to fail: a row for each code of
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html.
var Refusals = []struct{ Code, Type, Says string }{
	{"ImageNotFound", "ConfigurationError", "an archived image counts as absent"},
	{"ImageInaccessible", "ConfigurationError", "an archived image counts as absent"},
	{"InvalidImageDigest", "ConfigurationError", "check the image's tag and digest"},
	{"InvalidImageTag", "ConfigurationError", "check the image's tag and digest"},
	{"ImageTagDoesNotMatchDigest", "ConfigurationError", "check the image's tag and digest"},
	{"MissingDigestAndTag", "ConfigurationError", "check the image's tag and digest"},
	{"ImageReferencedByManifestList", "ConfigurationError", "name the index"},
	{"KmsError", "ConfigurationError", "check the repository's KMS key"},
	{"UpstreamAccessDenied", "PermissionError", "pull-through cache rule"},
	{"UpstreamTooManyRequests", "SystemUnavailable", "retry the action"},
	{"UpstreamUnavailable", "SystemUnavailable", "retry the action"},
}
