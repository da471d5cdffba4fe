// Package sweep compares all that runs with the ledger and with ECR, and repairs what
// differs.
package sweep
