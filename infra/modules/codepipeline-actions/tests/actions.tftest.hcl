# The real provider, out of reach of AWS.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  role_name = "shop-release"
  function_arns = {
    tagimage         = "arn:aws:lambda:eu-west-1:111122223333:function:tagalong-tagimage"
    imagedefinitions = "arn:aws:lambda:eu-west-1:111122223333:function:tagalong-imagedefinitions"
  }
}

run "a_pipeline_may_call_the_two_actions_and_no_other_function" {
  command = plan

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : toset(flatten([statement.Resource])) if statement.Action == "lambda:InvokeFunction"] == [
      toset(values(var.function_arns)),
    ]
    error_message = "policy: ${data.aws_iam_policy_document.this.json}"
  }
}

run "a_roles_arn_in_place_of_its_name_is_refused" {
  command = plan

  variables {
    role_name = "arn:aws:iam::111122223333:role/shop-release"
  }

  expect_failures = [var.role_name]
}

run "a_function_or_policy_that_is_none_is_refused_by_its_variable" {
  command = plan

  variables {
    function_arns = { tagimage = "tagimage", imagedefinitions = "imagedefinitions" }
    policy_name   = "call tagalong"
  }

  expect_failures = [var.function_arns, var.policy_name]
}
