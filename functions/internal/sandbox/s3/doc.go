// Package s3 is the sandbox's Simple Storage Service, as far as the artifacts of
// pipelines go: objects are put and got, over AWS's protocol or by a story. The
// bucket of an artifact store lets nobody in but jobs, and takes nothing that is
// not encrypted with a KMS key; other buckets are open to everybody.
//
// Buckets are addressed by path or by host name. The operations are described at
// https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html.
package s3
