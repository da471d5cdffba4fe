// Package wire holds what the sandbox's services share: AWS's JSON
// protocols, who is calling, error replies, timestamps, pages, and faults that
// a test switches on.
//
// The protocols are described at
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html and
// https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html.
package wire
