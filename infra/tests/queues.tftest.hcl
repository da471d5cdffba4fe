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

# ARNs of what does not exist yet are unknown while planning.
override_resource {
  target          = aws_sqs_queue.events
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:events" }
}

override_resource {
  target          = aws_sqs_queue.failed
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:tagalong-events-failed" }
}

override_resource {
  target          = aws_sqs_queue.undelivered
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:tagalong-undelivered" }
}

variables {
  dist = "./tests/fixtures"
}

run "an_event_that_no_queue_takes_is_tried_for_a_day_and_kept" {
  command = plan

  variables {
    accounts = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" }]
  }

  assert {
    condition = length(aws_cloudwatch_event_target.this) == 6 && alltrue([for target in aws_cloudwatch_event_target.this :
      target.arn == aws_sqs_queue.events[target.target_id].arn && target.dead_letter_config[0].arn == aws_sqs_queue.undelivered.arn &&
      target.retry_policy[0].maximum_event_age_in_seconds == 86400 && target.retry_policy[0].maximum_retry_attempts == 185
    ])
    error_message = "a target is another one, gives up early or drops events: ${jsonencode(aws_cloudwatch_event_target.this)}"
  }
}

run "a_rule_sends_to_the_queue_of_its_function_and_nobody_else_does" {
  command = plan

  variables {
    accounts = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" }]
  }

  assert {
    condition = {
      for queue in concat(values(aws_sqs_queue.events), [aws_sqs_queue.failed, aws_sqs_queue.undelivered]) : queue.name => [
        for statement in jsondecode(queue.policy).Statement : [statement.Action, statement.Resource, statement.Principal, toset(statement.Condition.ArnEquals["aws:SourceArn"])] if statement.Effect == "Allow"
      ]
      } == {
      tagalong-deployment = [["sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:tagalong-deployment", { Service = "events.amazonaws.com" }, toset([
        "arn:aws:events:eu-west-1:111122223333:rule/tagalong-deployment", "arn:aws:events:eu-west-1:111122223333:rule/tagalong-forwarded/tagalong-deployment-forwarded",
        "arn:aws:events:eu-west-1:111122223333:rule/tagalong-task", "arn:aws:events:eu-west-1:111122223333:rule/tagalong-forwarded/tagalong-task-forwarded",
      ])]]
      tagalong-pipeline = [["sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:tagalong-pipeline", { Service = "events.amazonaws.com" }, toset([
        "arn:aws:events:eu-west-1:111122223333:rule/tagalong-pipeline", "arn:aws:events:eu-west-1:111122223333:rule/tagalong-forwarded/tagalong-pipeline-forwarded",
      ])]]
      tagalong-events-failed = []
      tagalong-undelivered = [["sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:tagalong-undelivered", { Service = "events.amazonaws.com" }, toset([
        "arn:aws:events:eu-west-1:111122223333:rule/tagalong-deployment", "arn:aws:events:eu-west-1:111122223333:rule/tagalong-forwarded/tagalong-deployment-forwarded",
        "arn:aws:events:eu-west-1:111122223333:rule/tagalong-pipeline", "arn:aws:events:eu-west-1:111122223333:rule/tagalong-forwarded/tagalong-pipeline-forwarded",
        "arn:aws:events:eu-west-1:111122223333:rule/tagalong-task", "arn:aws:events:eu-west-1:111122223333:rule/tagalong-forwarded/tagalong-task-forwarded",
      ])]]
    }
    error_message = "policies: ${jsonencode(values(aws_sqs_queue.events)[*].policy)}"
  }
}

run "queues_are_encrypted_keep_for_two_weeks_and_refuse_requests_without_tls" {
  command = plan

  assert {
    condition = alltrue([for queue in concat(values(aws_sqs_queue.events), [aws_sqs_queue.failed, aws_sqs_queue.undelivered]) :
      queue.sqs_managed_sse_enabled && queue.kms_master_key_id == null && queue.message_retention_seconds == 1209600 &&
      contains(jsondecode(queue.policy).Statement, {
        Sid       = "DenyWithoutTLS"
        Effect    = "Deny"
        Action    = "sqs:*"
        Resource  = "arn:aws:sqs:eu-west-1:111122223333:${queue.name}"
        Principal = "*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      })
    ])
    error_message = "a queue is open: ${jsonencode(concat(values(aws_sqs_queue.events), [aws_sqs_queue.failed, aws_sqs_queue.undelivered]))}"
  }
}

run "for_an_emulator_queues_take_requests_without_tls" {
  command = plan

  variables {
    tls_only_queues = false
  }

  assert {
    condition     = alltrue([for policy in data.aws_iam_policy_document.queue : !strcontains(policy.json, "Deny")]) && strcontains(aws_sqs_queue.events["deployment"].policy, "Allow")
    error_message = "a queue refuses requests without TLS"
  }
}

# A Go test holds size and answer against the package batch.
run "a_function_is_handed_what_is_there_and_gives_back_what_failed" {
  command = plan

  assert {
    condition = { for name, mapping in aws_lambda_event_source_mapping.this : name => [
      mapping.event_source_arn == aws_sqs_queue.events[name].arn, mapping.batch_size, coalesce(mapping.maximum_batching_window_in_seconds, 0), mapping.function_response_types, mapping.scaling_config[0].maximum_concurrency,
    ] } == { for name in ["deployment", "pipeline"] : name => [true, 10, 0, toset(["ReportBatchItemFailures"]), 5] }
    error_message = "mappings: ${jsonencode(aws_lambda_event_source_mapping.this)}"
  }
}

run "what_fails_comes_again_after_six_times_the_timeout_for_a_day" {
  command = plan

  assert {
    condition = { for queue in aws_sqs_queue.events : queue.name => [queue.visibility_timeout_seconds, jsondecode(queue.redrive_policy)] } == {
      for name in ["tagalong-deployment", "tagalong-pipeline"] : name => [360, { deadLetterTargetArn = aws_sqs_queue.failed.arn, maxReceiveCount = 240 }]
    }
    error_message = "queues: ${jsonencode(aws_sqs_queue.events)}"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.failed.redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = ["arn:aws:sqs:eu-west-1:111122223333:tagalong-deployment", "arn:aws:sqs:eu-west-1:111122223333:tagalong-pipeline"]
    }
    error_message = "other queues may use it: ${aws_sqs_queue.failed.redrive_allow_policy}"
  }
}

run "a_longer_timeout_makes_fewer_tries_of_the_same_day" {
  command = plan

  variables {
    timeout = 900
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.events : queue.visibility_timeout_seconds == 5400 && jsondecode(queue.redrive_policy).maxReceiveCount == 16])
    error_message = "queues: ${jsonencode(aws_sqs_queue.events)}"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.late : alarm.threshold > 5400 && alarm.threshold < 2 * 5400])
    error_message = "alarms: ${jsonencode(aws_cloudwatch_metric_alarm.late)}"
  }
}

run "a_short_timeout_gives_aws_five_minutes_all_the_same" {
  command = plan

  variables {
    timeout = 10
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.events : queue.visibility_timeout_seconds == 300 && jsondecode(queue.redrive_policy).maxReceiveCount == 288])
    error_message = "queues: ${jsonencode(aws_sqs_queue.events)}"
  }
}

run "a_function_takes_from_its_own_queue_and_from_no_other" {
  command = plan

  assert {
    condition = { for name, policy in { deployment = data.aws_iam_policy_document.deployment, pipeline = data.aws_iam_policy_document.pipeline } : name => [
      for statement in jsondecode(policy.json).Statement : [toset(statement.Action), statement.Resource] if strcontains(jsonencode(statement.Action), "sqs:")
      ] } == { for name in ["deployment", "pipeline"] : name => [
      [toset(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]), "arn:aws:sqs:eu-west-1:111122223333:tagalong-${name}"],
    ] }
    error_message = "deployment may do ${data.aws_iam_policy_document.deployment.json}"
  }

  assert {
    condition = alltrue([for policy in [data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history, data.aws_iam_policy_document.sweep] :
      !strcontains(policy.json, "sqs:")
    ])
    error_message = "another function may take events"
  }
}

# Lambda neither repeats nor keeps what a queue does.
run "what_a_queue_repeats_has_no_retries_of_lambdas" {
  command = plan

  assert {
    condition     = local.function_of_queue.retries == null && local.function_of_queue.queued && module.deployment.dead_letter_queue_name == null && module.pipeline[0].dead_letter_queue_name == null
    error_message = "there are two ways to a dead-letter queue"
  }
}

run "concurrency_that_is_reserved_is_enough_for_what_is_handed_over" {
  command = plan

  variables {
    maximum_concurrency  = 2
    reserved_concurrency = 2
  }

  assert {
    condition     = local.function_of_queue.reserved_concurrency == 2 && alltrue([for mapping in aws_lambda_event_source_mapping.this : mapping.scaling_config[0].maximum_concurrency == 2])
    error_message = "mappings: ${jsonencode(aws_lambda_event_source_mapping.this)}"
  }
}

run "less_reserved_concurrency_than_is_handed_over_is_refused" {
  command = plan

  variables {
    maximum_concurrency  = 3
    reserved_concurrency = 2
  }

  expect_failures = [var.reserved_concurrency]
}
