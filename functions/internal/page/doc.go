// Package page shows people what runs where, at a glance and at any moment: HTML over the
// same questions as the command and the API, readable without scripts.
//
// It is written with gomponents, not html/template: that calls methods by name, so that
// the linker keeps every method of every type, and the function's archive would grow by 1.3 MB
// before the first page; with all of them it grows by 0.24. What gomponents does not do is to look at where a text stands: every
// link goes through href or elsewhere, and no text stands in a style or a script.
package page
