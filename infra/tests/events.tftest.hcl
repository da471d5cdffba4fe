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

# The files in tests/patterns are held against sample events in events/.
run "each_pattern_wakes_the_function_of_its_name" {
  command = plan

  assert {
    condition     = { for name, rule in aws_cloudwatch_event_rule.this : name => [rule.event_bus_name, jsondecode(rule.event_pattern)] } == { for name in ["deployment", "pipeline", "task"] : name => ["default", jsondecode(file("tests/patterns/${name}-own.json"))] }
    error_message = "the rules are not the files in events/patterns, for our own account"
  }
}

run "where_pipelines_are_named_others_wake_nothing" {
  command = plan

  variables {
    pipelines = ["shop-*", "shop-release", "shop-?"]
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["pipeline"].event_pattern) == jsondecode(file("tests/patterns/pipeline-others.json"))
    error_message = "the rule is ${aws_cloudwatch_event_rule.this["pipeline"].event_pattern}"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["deployment"].event_pattern) == jsondecode(file("tests/patterns/deployment-own.json"))
    error_message = "another rule is narrowed, too: ${aws_cloudwatch_event_rule.this["deployment"].event_pattern}"
  }
}

run "a_mark_for_one_character_of_a_pipelines_name_is_a_star_to_a_rule" {
  command = plan

  variables {
    pipelines = ["check??t-*", "shop-release"]
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["pipeline"].event_pattern) == jsondecode(file("tests/patterns/pipeline-some.json"))
    error_message = "the rule is ${aws_cloudwatch_event_rule.this["pipeline"].event_pattern}"
  }
}

run "where_clusters_are_named_services_of_others_wake_nothing" {
  command = plan

  variables {
    regions  = ["us-east-1"]
    clusters = ["prod", "b??h-*", "b*h-*"]
  }

  assert {
    condition     = alltrue([for name in ["deployment", "task"] : jsondecode(aws_cloudwatch_event_rule.this[name].event_pattern) == jsondecode(file("tests/patterns/${name}-other-clusters.json"))])
    error_message = "the rules are ${jsonencode(values(aws_cloudwatch_event_rule.this)[*].event_pattern)}"
  }
}

run "services_of_the_clusters_that_are_named_wake_the_function" {
  command = plan

  variables {
    regions  = ["us-east-1"]
    clusters = ["live", "prod-*"]
  }

  assert {
    condition     = alltrue([for name in ["deployment", "task"] : jsondecode(aws_cloudwatch_event_rule.this[name].event_pattern) == jsondecode(file("tests/patterns/${name}-clusters.json"))])
    error_message = "the rules are ${jsonencode(values(aws_cloudwatch_event_rule.this)[*].event_pattern)}"
  }
}

run "where_regions_are_named_others_wake_nothing" {
  command = plan

  variables {
    regions = ["eu-west-1", "eu-north-1"]
  }

  assert {
    condition = { for name in ["deployment", "pipeline", "task"] : name => jsondecode(aws_cloudwatch_event_rule.this[name].event_pattern) } == {
      for name in ["deployment", "pipeline", "task"] : name => jsondecode(file("tests/patterns/${name}-other-regions.json"))
    }
    error_message = "the rules are ${jsonencode(values(aws_cloudwatch_event_rule.this)[*].event_pattern)}"
  }
}

run "twenty_names_of_clusters_fit_a_pattern" {
  command = plan

  variables {
    clusters = [for i in range(20) : "team-${i}-production"]
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_event_rule.this["deployment"].event_pattern).resources) == 21
    error_message = "the rule is ${aws_cloudwatch_event_rule.this["deployment"].event_pattern}"
  }
}

run "a_longer_pattern_than_eventbridge_takes_is_refused" {
  command = plan

  variables {
    pipelines = [for i in range(100) : "shop-release-${i}"]
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}

run "what_member_accounts_forward_has_a_bus_of_its_own" {
  command = plan

  variables {
    accounts = [
      { account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong", regions = ["us-east-1", "eu-west-1"] },
      { account = "777788889999", role = "arn:aws:iam::777788889999:role/tagalong" },
    ]
  }

  assert {
    condition = { for name, rule in aws_cloudwatch_event_rule.this : name => jsondecode(rule.event_pattern) if rule.event_bus_name == aws_cloudwatch_event_bus.forwarded[0].name } == {
      for name in ["deployment", "pipeline", "task"] : "${name}-forwarded" => jsondecode(file("tests/patterns/${name}-forwarded.json"))
    }
    error_message = "the rules are ${jsonencode(aws_cloudwatch_event_rule.this)}"
  }

  assert {
    condition = { for name, target in aws_cloudwatch_event_target.this : name => [target.event_bus_name, target.target_id] } == {
      deployment             = ["default", "deployment"]
      pipeline               = ["default", "pipeline"]
      "deployment-forwarded" = ["tagalong-forwarded", "deployment"]
      "pipeline-forwarded"   = ["tagalong-forwarded", "pipeline"]
      task                   = ["default", "deployment"]
      "task-forwarded"       = ["tagalong-forwarded", "deployment"]
    }
    error_message = "the targets are ${jsonencode(aws_cloudwatch_event_target.this)}"
  }

  assert {
    condition     = output.event_bus_arn == "arn:aws:events:eu-west-1:111122223333:event-bus/tagalong-forwarded"
    error_message = "member accounts are told to forward to ${output.event_bus_arn}"
  }
}

run "where_nobody_forwards_there_is_no_bus_for_it" {
  command = plan

  variables {
    accounts = [{ account = "444455556666", repositories = ["444455556666.dkr.ecr.eu-west-1.amazonaws.com/base"] }]
  }

  assert {
    condition     = length(aws_cloudwatch_event_bus.forwarded) + length(aws_cloudwatch_event_bus_policy.forwarded) == 0 && output.event_bus_arn == null && length(aws_cloudwatch_event_rule.this) == 3
    error_message = "there is a bus that nobody forwards to"
  }
}

run "our_own_account_may_forward_from_its_other_regions" {
  command = plan

  variables {
    accounts = [{ account = "111122223333", regions = ["eu-west-1", "us-east-1"] }]
  }

  assert {
    condition     = length(aws_cloudwatch_event_bus_policy.forwarded) == 0 && jsondecode(aws_cloudwatch_event_rule.this["deployment-forwarded"].event_pattern).region == ["us-east-1"]
    error_message = "the rules are ${jsonencode(values(aws_cloudwatch_event_rule.this)[*].event_pattern)}"
  }
}

run "member_accounts_may_send_what_the_rules_take_to_that_bus_and_nobody_else" {
  command = plan

  variables {
    accounts = [
      { account = "111122223333", regions = ["eu-west-1"] },
      { account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" },
      { account = "777788889999", repositories = ["777788889999.dkr.ecr.eu-west-1.amazonaws.com/base"] },
    ]
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_bus_policy.forwarded[0].policy).Statement == [{
      Sid       = "TakeWhatOtherAccountsForward"
      Effect    = "Allow"
      Action    = "events:PutEvents"
      Resource  = "arn:aws:events:eu-west-1:111122223333:event-bus/tagalong-forwarded"
      Principal = { AWS = "arn:aws:iam::444455556666:root" }
      Condition = { "ForAllValues:StringEquals" = {
        "events:source"      = ["aws.ecs", "aws.codepipeline", "aws.codedeploy"]
        "events:detail-type" = ["ECS Deployment State Change", "CodePipeline Stage Execution State Change", "CodePipeline Action Execution State Change", "CodeDeploy Deployment State-change Notification", "ECS Task State Change"]
      } }
    }]
    error_message = "policy of the bus: ${aws_cloudwatch_event_bus_policy.forwarded[0].policy}"
  }
}

run "of_an_organization_any_account_may_send_to_that_bus" {
  command = plan

  variables {
    organization_id = "o-a1b2c3d4e5"
    accounts        = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" }]
  }

  assert {
    condition = [for statement in jsondecode(aws_cloudwatch_event_bus_policy.forwarded[0].policy).Statement : [
      statement.Principal, statement.Condition.StringEquals, sort(keys(statement.Condition["ForAllValues:StringEquals"]))
    ]] == [[{ AWS = "*" }, { "aws:PrincipalOrgID" = "o-a1b2c3d4e5" }, tolist(["events:detail-type", "events:source"])]]
    error_message = "policy of the bus: ${aws_cloudwatch_event_bus_policy.forwarded[0].policy}"
  }
}

run "only_who_is_named_is_granted_the_url" {
  command = plan

  variables {
    history_principals = ["arn:aws:iam::444455556666:role/scanner", "777788889999"]
  }

  assert {
    condition     = aws_lambda_function_url.history[0].authorization_type == "AWS_IAM"
    error_message = "the URL answers everybody"
  }

  # An account by the ARN that Lambda keeps of it, or each plan would change it.
  assert {
    condition = (
      [for permission in aws_lambda_permission.history_url : [permission.function_name, permission.action, permission.principal, permission.function_url_auth_type]] == [
        ["tagalong-history", "lambda:InvokeFunctionUrl", "arn:aws:iam::444455556666:role/scanner", "AWS_IAM"],
        ["tagalong-history", "lambda:InvokeFunctionUrl", "arn:aws:iam::777788889999:root", "AWS_IAM"],
      ] &&
      [for permission in aws_lambda_permission.history : [permission.function_name, permission.action, permission.principal]] == [
        ["tagalong-history", "lambda:InvokeFunction", "arn:aws:iam::444455556666:role/scanner"],
        ["tagalong-history", "lambda:InvokeFunction", "arn:aws:iam::777788889999:root"],
      ]
    )
    error_message = "others are granted the URL"
  }
}

run "chat_hears_of_rollouts_drift_and_exposures_without_code" {
  command = plan

  variables {
    event_bus      = "releases"
    chat_topic_arn = "arn:aws:sns:eu-west-1:111122223333:releases"
  }

  assert {
    condition = (
      keys(aws_cloudwatch_event_rule.notification) == ["chat"] &&
      aws_cloudwatch_event_rule.notification["chat"].event_bus_name == "releases" &&
      toset(jsondecode(aws_cloudwatch_event_rule.notification["chat"].event_pattern)["detail-type"]) == toset(["Tagalong Rollout Recorded", "Tagalong Drift Found", "Tagalong Exposure Found", "Tagalong Exposure Gone"]) &&
      aws_cloudwatch_event_target.notification["chat"].arn == "arn:aws:sns:eu-west-1:111122223333:releases" &&
      strcontains(aws_cloudwatch_event_target.notification["chat"].input_transformer[0].input_template, "\"description\":\"<summary>\"") &&
      length(aws_iam_role.notify) == 0 && local.environment.TAGALONG_CONTAINER_EVENTS == ""
    )
    error_message = "target: ${jsonencode(aws_cloudwatch_event_target.notification)}"
  }
}

run "an_api_destination_is_called_by_a_role_that_may_do_nothing_else" {
  command = plan

  variables {
    event_bus           = "releases"
    api_destination_arn = "arn:aws:events:eu-west-1:111122223333:api-destination/deployments/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition = (
      keys(aws_cloudwatch_event_target.notification) == ["containers", "drift", "exposures"] &&
      alltrue([for target in aws_cloudwatch_event_target.notification : target.arn == var.api_destination_arn]) &&
      [for statement in jsondecode(aws_iam_role_policy.notify[0].policy).Statement : [statement.Action, statement.Resource]] == [["events:InvokeApiDestination", var.api_destination_arn]] &&
      local.environment.TAGALONG_CONTAINER_EVENTS == "true"
    )
    error_message = "policy: ${aws_iam_role_policy.notify[0].policy}"
  }
}

run "chat_without_a_bus_of_our_own_is_refused" {
  command = plan

  variables {
    event_bus           = "arn:aws:events:eu-west-1:444455556666:event-bus/releases"
    chat_topic_arn      = "arn:aws:sns:eu-west-1:111122223333:releases"
    api_destination_arn = "arn:aws:events:eu-west-1:111122223333:api-destination/deployments"
  }

  expect_failures = [var.chat_topic_arn, var.api_destination_arn]
}
