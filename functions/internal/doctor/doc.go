// Package doctor looks at an installation as it stands, and says of each of its parts that
// it is in order, or what is wrong and what to do.
package doctor
