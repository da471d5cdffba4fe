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

run "each_pattern_wakes_the_function_of_its_name" {
  command = plan

  assert {
    condition     = { for name, rule in aws_cloudwatch_event_rule.this : name => jsondecode(rule.event_pattern) } == { for name in ["deployment", "pipeline"] : name => jsondecode(file("../events/patterns/${name}.json")) }
    error_message = "the rules are not the files in events/patterns"
  }

  assert {
    condition     = alltrue([for name, permission in aws_lambda_permission.events : permission.function_name == "tagalong-${name}" && permission.principal == "events.amazonaws.com" && permission.source_account == null])
    error_message = "EventBridge may not wake the functions"
  }
}

# The files are held against sample events in events/.
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
    condition     = jsondecode(aws_cloudwatch_event_rule.this["deployment"].event_pattern) == jsondecode(file("../events/patterns/deployment.json"))
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

run "a_longer_pattern_than_eventbridge_takes_is_refused" {
  command = plan

  variables {
    pipelines = [for i in range(100) : "shop-release-${i}"]
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}

run "an_event_that_lambda_does_not_take_is_tried_for_a_day_and_kept" {
  command = plan

  assert {
    condition = alltrue([for target in aws_cloudwatch_event_target.this :
      target.retry_policy[0].maximum_event_age_in_seconds == 86400 && target.retry_policy[0].maximum_retry_attempts == 185 && length(target.dead_letter_config) == 1
    ])
    error_message = "a target gives up early or drops events"
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.undelivered.json).Statement : toset(statement.Condition.ArnEquals["aws:SourceArn"]) if statement.Effect == "Allow"] == [
      toset([for name in ["deployment", "pipeline"] : "arn:aws:events:eu-west-1:111122223333:rule/tagalong-${name}"])
    ]
    error_message = "others than the two rules may write dead letters: ${data.aws_iam_policy_document.undelivered.json}"
  }
}

run "queues_are_encrypted_and_refuse_requests_without_tls" {
  command = plan

  assert {
    condition     = aws_sqs_queue.undelivered.sqs_managed_sse_enabled && aws_sqs_queue.undelivered.kms_master_key_id == null
    error_message = "the queue is not encrypted"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.undelivered.policy).Statement == [
      {
        Sid       = "TakeWhatTheRulesCannotDeliver"
        Effect    = "Allow"
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws:sqs:eu-west-1:111122223333:tagalong-undelivered"
        Principal = { Service = "events.amazonaws.com" }
        Condition = { ArnEquals = { "aws:SourceArn" = [for name in ["deployment", "pipeline"] : "arn:aws:events:eu-west-1:111122223333:rule/tagalong-${name}"] } }
      },
      {
        Sid       = "DenyWithoutTLS"
        Effect    = "Deny"
        Action    = "sqs:*"
        Resource  = "arn:aws:sqs:eu-west-1:111122223333:tagalong-undelivered"
        Principal = "*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
    error_message = "policy of the queue: ${aws_sqs_queue.undelivered.policy}"
  }
}

run "for_an_emulator_queues_take_requests_without_tls" {
  command = plan

  variables {
    tls_only_queues = false
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_sqs_queue.undelivered.policy).Statement : statement.Effect == "Allow"])
    error_message = "the queue refuses requests without TLS"
  }
}

run "member_accounts_may_send_events_and_nobody_else" {
  command = plan

  variables {
    accounts = [
      { account = "111122223333", regions = ["eu-west-1"] },
      { account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" },
    ]
  }

  assert {
    condition     = [for permission in aws_cloudwatch_event_permission.member : permission.principal] == ["444455556666"]
    error_message = "wrong accounts may send events"
  }
}

run "only_who_is_named_is_granted_the_url" {
  command = plan

  variables {
    history_principals = ["arn:aws:iam::444455556666:role/scanner", "777788889999"]
  }

  assert {
    condition     = aws_lambda_function_url.history.authorization_type == "AWS_IAM"
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
