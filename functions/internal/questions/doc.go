// Package questions holds no code but a test: everything that can be asked of the
// ledger is asked about random stories, page by page, and compared with answers
// that are worked out from the story's facts alone, slowly and with nothing of
// the core's.
package questions
