# The real provider, which nothing reaches: it renders policies while planning.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  dist = "./tests/fixtures"
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "111122223333" }
}

run "everything_plans" {
  command = plan
}
