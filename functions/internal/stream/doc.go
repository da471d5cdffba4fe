// Package stream holds what the rooms do with sequences that may fail: filter, merge and
// map them, several elements at a time.
package stream
