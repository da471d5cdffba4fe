// Package ecr is the sandbox's Elastic Container Registry: repositories with
// real manifests whose digests are those of their bytes, tags that move or are
// immutable, and the errors that AWS gives.
//
// The operations are described at
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html.
package ecr
