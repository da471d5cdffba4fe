# Mocked, since what a table has by itself is known only once it is made.
mock_provider "aws" {
  source = "./tests/mocks/aws"
}

variables {
  dist = "./tests/fixtures"
}

run "rows_are_kept_for_ever" {
  assert {
    condition     = length(aws_dynamodb_table.ledger.ttl) == 0 && local.environment.TAGALONG_RETENTION_DAYS == ""
    error_message = "rows expire although no retention is set"
  }
}
