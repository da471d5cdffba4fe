# The real provider, out of reach of AWS: it renders policies and refuses wrong
# arguments while planning.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "111122223333" }
}

variables {
  dist = "./tests/fixtures"
}

# What the functions are told of it; what they make of it is theirs to test.
run "where_nothing_is_narrowed_our_own_account_is_not_listed" {
  command = plan

  assert {
    condition     = output.accounts == "[]"
    error_message = "the functions are told of ${output.accounts}"
  }
}

run "where_clusters_are_named_the_functions_leave_others_alone" {
  command = plan

  variables {
    clusters = ["prod", "live-?"]
  }

  assert {
    condition     = jsondecode(output.accounts) == [{ account = "111122223333", clusters = ["prod", "live-?"] }]
    error_message = "the functions are told of ${output.accounts}"
  }

  # An entry without Regions covers the module's own.
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["pipeline"].event_pattern).region == ["eu-west-1"]
    error_message = "events of Regions that are not covered wake the function"
  }
}

run "where_repositories_are_named_the_functions_leave_others_alone" {
  command = plan

  variables {
    repositories = ["shop/*", "base"]
  }

  assert {
    condition     = jsondecode(output.accounts) == [{ account = "111122223333", repositories = ["shop/*", "base"] }]
    error_message = "the functions are told of ${output.accounts}"
  }
}

run "repositories_of_other_accounts_by_their_arns_are_given_to_the_functions" {
  command = plan

  variables {
    repositories = ["*", "arn:aws:ecr:eu-west-1:444455556666:repository/base", "arn:aws:ecr:*:444455556666:repository/shop/*", "arn:aws:ecr:eu-west-1:777788889999:repository/base"]
    accounts     = [{ account = "777788889999", role = "arn:aws:iam::777788889999:role/tagalong" }]
  }

  assert {
    condition = jsondecode(output.accounts) == [
      { account = "777788889999", role = "arn:aws:iam::777788889999:role/tagalong" },
      { account = "444455556666", repositories = ["444455556666.dkr.ecr.eu-west-1.amazonaws.com/base", "444455556666.dkr.ecr.*.amazonaws.com/shop/*"] },
    ]
    error_message = "the functions are told of ${output.accounts}"
  }
}

# None at all would be all of them.
run "repositories_of_other_accounts_alone_leave_none_of_our_own" {
  command = plan

  variables {
    repositories = ["arn:aws:ecr:eu-west-1:444455556666:repository/base"]
  }

  assert {
    condition = jsondecode(output.accounts) == [for account in ["111122223333", "444455556666"] : {
      account = account, repositories = ["444455556666.dkr.ecr.eu-west-1.amazonaws.com/base"]
    }]
    error_message = "the functions are told of ${output.accounts}"
  }
}

run "regions_that_are_named_are_covered_and_no_others" {
  command = plan

  variables {
    regions = ["eu-west-1", "eu-north-1"]
  }

  assert {
    condition     = jsondecode(output.accounts) == [{ account = "111122223333", regions = ["eu-west-1", "eu-north-1"] }]
    error_message = "the functions are told of ${output.accounts}"
  }
}

run "by_a_pattern_of_regions_registries_are_covered_and_clusters_of_the_modules_own" {
  command = plan

  variables {
    regions      = ["eu-*"]
    repositories = ["shop/*"]
  }

  assert {
    condition     = jsondecode(output.accounts) == [{ account = "111122223333", repositories = ["111122223333.dkr.ecr.eu-*.amazonaws.com/shop/*"] }] && jsonencode(local.own_regions) == jsonencode(["eu-west-1"])
    error_message = "the functions are told of ${output.accounts}"
  }
}

run "our_own_account_is_listed_with_what_it_is_narrowed_to" {
  command = plan

  variables {
    accounts = [{ account = "111122223333", regions = ["eu-north-1"] }]
    clusters = ["prod"]
  }

  assert {
    condition     = jsondecode(output.accounts) == [{ account = "111122223333", regions = ["eu-north-1"], clusters = ["prod"] }]
    error_message = "the functions are told of ${output.accounts}"
  }
}

run "a_member_is_listed_with_what_it_is_narrowed_to" {
  command = plan

  variables {
    accounts = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong", reader = "arn:aws:iam::444455556666:role/tagalong-read", regions = ["us-east-1"], clusters = ["prod"], repositories = ["shop/*"] }]
  }

  assert {
    condition     = jsondecode(output.accounts) == [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong", regions = ["us-east-1"], clusters = ["prod"], repositories = ["shop/*"] }]
    error_message = "the functions are told of ${output.accounts}"
  }
}
