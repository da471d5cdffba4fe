// Package report reads the files of vulnerability scanners: which image has which
// findings. It reads them as a stream, and knows neither the ledger nor AWS.
package report
