// Package wire holds what the sandbox's services share: AWS's JSON 1.1
// protocol, who is calling, error replies, timestamps, pages, and faults that
// a test switches on.
//
// The protocol is described at
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html.
package wire
