// Package tagalong has the nouns: services, images and digests, facts, the rules of
// environments, what we were given, and the interfaces of a registry and a workload. It
// knows no AWS SDK.
package tagalong
