// Package dev holds the tools of this repository's make targets, and the tests
// that keep its shape.
package dev
