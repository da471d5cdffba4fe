// Package conformance is a suite of cases that every DynamoDB must pass: the
// embedded one of this project, DynamoDB Local, MiniStack, and AWS itself.
//
// Cases speak through the real SDK client. Each makes its own table, named
// after the case, and deletes it. They assert on results, error codes and
// structure, not on the wording of messages, which differs between
// implementations.
package conformance
