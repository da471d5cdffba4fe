// Package boot is how a function comes up: environment variables become a
// Config, an aws.Config is built by hand from Lambda's own variables, and Start
// hands the events to a handler. It links no service client; the packages below
// it do: accounts says with which credentials an account is asked, wiring puts
// the reactor together.
package boot
