// Package e2e holds no code but a test, make e2e: Terraform installs infra/ on
// MiniStack, a local AWS, and events go through the rules into the functions'
// own zips, each function under its own role. What it ends in is looked at
// through the AWS SDK.
//
// MiniStack has no deployments of ECS, which the sandbox plays; its other gaps
// are closed by infra/tests/e2e/bridge.py, which lists them.
package e2e
