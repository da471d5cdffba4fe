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

run "unless_told_otherwise_all_pipelines_that_are_covered_may_tag" {
  command = plan

  assert {
    condition     = local.environment_tagimage.TAGALONG_PROMOTIONS == "" && output.promotions == null
    error_message = "tagimage reads ${local.environment_tagimage.TAGALONG_PROMOTIONS}"
  }
}

run "tagimage_alone_is_told_which_pipelines_may_tag" {
  command = plan

  variables {
    promotions = [{ pipelines = ["444455556666/checkout-*"], repositories = ["checkout-*"] }]
  }

  assert {
    condition     = local.environment_tagimage.TAGALONG_PROMOTIONS == jsonencode([{ pipelines = ["444455556666/checkout-*"], repositories = ["checkout-*"] }])
    error_message = "tagimage reads ${local.environment_tagimage.TAGALONG_PROMOTIONS}"
  }

  assert {
    condition     = !contains(keys(local.environment), "TAGALONG_PROMOTIONS") && !contains(keys(local.imagedefinitions), "TAGALONG_PROMOTIONS")
    error_message = "another function is told"
  }
}

run "no_pipeline_may_tag_by_an_empty_list" {
  command = plan

  variables {
    promotions = []
  }

  assert {
    condition     = local.environment_tagimage.TAGALONG_PROMOTIONS == "[]"
    error_message = "tagimage reads ${local.environment_tagimage.TAGALONG_PROMOTIONS}"
  }
}

run "long_promotions_stand_in_an_item_of_the_table" {
  command = plan

  variables {
    promotions = [for i in range(40) : { pipelines = ["pipeline-${i}"], repositories = ["repository-${i}"] }]
  }

  assert {
    condition = (
      can(regex("^@promotions-[0-9a-f]{12}$", local.environment_tagimage.TAGALONG_PROMOTIONS)) &&
      jsondecode(aws_dynamodb_table_item.setting["promotions"].item).pk.S == local.environment_tagimage.TAGALONG_PROMOTIONS &&
      length(jsondecode(jsondecode(aws_dynamodb_table_item.setting["promotions"].item).json.S)) == 40
    )
    error_message = "tagimage reads ${local.environment_tagimage.TAGALONG_PROMOTIONS}"
  }
}

run "a_promotion_whose_list_is_misspelt_is_refused" {
  command = plan

  variables {
    promotions = [{ pipelines = ["checkout-*"], repository = ["checkout-*"] }]
  }

  expect_failures = [output.promotions]
}
