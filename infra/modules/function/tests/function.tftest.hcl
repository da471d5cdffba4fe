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
  name        = "deployment"
  description = "a function under test"
  environment = { TAGALONG_TABLE = "tagalong", TAGALONG_RETENTION_DAYS = "" }
  policy      = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Own\",\"Effect\":\"Allow\",\"Action\":\"dynamodb:Query\",\"Resource\":\"arn:aws:dynamodb:eu-west-1:111122223333:table/tagalong\"}]}"
  settings = {
    prefix             = "tagalong"
    dist               = "../../tests/fixtures"
    architecture       = "arm64"
    memory_size        = 256
    timeout            = 60
    log_level          = "warn"
    log_retention_days = 90
    alarms             = true
    alarm_actions      = []
    tls_only_queues    = true
    extra_environment  = { AWS_USE_FIPS_ENDPOINT = "true", GOGC = "1", TAGALONG_TABLE = "other" }
    retries            = { maximum_age_seconds = 21600, attempts = 2 }
    partition          = "aws"
    dns_suffix         = "amazonaws.com"
    region             = "eu-west-1"
    account            = "111122223333"
    tags               = {}
  }
}

run "a_function_is_a_small_go_binary_that_starts_fast" {
  command = plan

  assert {
    condition = (
      aws_lambda_function.this.runtime == "provided.al2023" &&
      aws_lambda_function.this.architectures == tolist(["arm64"]) &&
      aws_lambda_function.this.memory_size == 256
    )
    error_message = "runtime, processor or memory are others"
  }

  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      AWS_USE_FIPS_ENDPOINT = "true"
      GOGC                  = "400"
      GOMAXPROCS            = "1"
      SSL_CERT_DIR          = "/none"
      TAGALONG_TABLE        = "tagalong"
    })
    error_message = "environment: ${jsonencode(aws_lambda_function.this.environment[0].variables)}"
  }
}

run "a_function_with_a_whole_core_uses_it" {
  command = plan

  variables {
    settings = merge(var.settings, { memory_size = 1769 })
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.this.environment[0].variables), "GOMAXPROCS")
    error_message = "GOMAXPROCS is set"
  }
}

run "a_function_reserves_no_concurrency_unless_told" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "concurrency is reserved"
  }
}

run "logs_are_json_are_kept_for_a_while_and_lose_no_metrics" {
  command = plan

  assert {
    condition = (
      aws_lambda_function.this.logging_config[0].log_format == "JSON" &&
      aws_lambda_function.this.logging_config[0].application_log_level == "INFO" &&
      aws_cloudwatch_log_group.this.retention_in_days == 90
    )
    error_message = "logs are configured otherwise"
  }
}

run "a_role_may_do_what_its_function_needs_and_write_its_own_logs_and_failures" {
  command = plan

  assert {
    condition = { for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Sid => statement.Resource } == {
      Own            = "arn:aws:dynamodb:eu-west-1:111122223333:table/tagalong"
      WriteLogs      = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/tagalong-deployment:*"
      KeepWhatFailed = "arn:aws:sqs:eu-west-1:111122223333:tagalong-deployment-failed"
    }
    error_message = "policy: ${data.aws_iam_policy_document.this.json}"
  }
}

run "an_event_that_fails_is_tried_twice_more_and_kept_whole" {
  command = plan

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.this[0].maximum_retry_attempts == 2 &&
      aws_lambda_function_event_invoke_config.this[0].maximum_event_age_in_seconds == 21600 &&
      length(aws_lambda_function_event_invoke_config.this[0].destination_config[0].on_failure) == 1 &&
      aws_sqs_queue.failed[0].message_retention_seconds == 1209600
    )
    error_message = "events are given up early or dropped"
  }
}

run "a_function_that_is_waited_for_has_no_queue" {
  command = plan

  variables {
    settings = merge(var.settings, { retries = null })
  }

  assert {
    condition = (
      length(aws_sqs_queue.failed) == 0 && length(aws_lambda_function_event_invoke_config.this) == 0 &&
      toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["Errors", "Throttles"])
    )
    error_message = "there is a queue"
  }
}

run "errors_of_a_function_that_a_queue_calls_are_the_queues_to_repeat" {
  command = plan

  variables {
    settings = merge(var.settings, { retries = null, queued = true })
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) + length(aws_cloudwatch_metric_alarm.failed) + length(aws_sqs_queue.failed) == 0
    error_message = "there are alarms, or a queue"
  }
}

run "errors_throttles_and_dead_letters_raise_alarms" {
  command = plan

  variables {
    settings = merge(var.settings, { alarm_actions = ["arn:aws:sns:eu-west-1:111122223333:oncall"] })
  }

  assert {
    condition = jsonencode({ for key, alarm in aws_cloudwatch_metric_alarm.this : key => [alarm.namespace, alarm.metric_name, alarm.dimensions, alarm.statistic] }) == jsonencode({
      for metric in ["Errors", "Throttles", "DestinationDeliveryFailures"] : metric => ["AWS/Lambda", metric, { FunctionName = "tagalong-deployment" }, "Sum"]
    })
    error_message = "alarms: ${jsonencode(aws_cloudwatch_metric_alarm.this)}"
  }

  assert {
    condition = jsonencode([for alarm in aws_cloudwatch_metric_alarm.failed : [alarm.namespace, alarm.metric_name, alarm.dimensions, alarm.statistic]]) == jsonencode([
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", { QueueName = "tagalong-deployment-failed" }, "Maximum"],
    ])
    error_message = "alarms: ${jsonencode(aws_cloudwatch_metric_alarm.failed)}"
  }

  assert {
    condition = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.this), aws_cloudwatch_metric_alarm.failed) :
      alarm.comparison_operator == "GreaterThanThreshold" && alarm.threshold == 0 && alarm.period == 300 && alarm.evaluation_periods == 1 && alarm.treat_missing_data == "notBreaching" &&
      alarm.alarm_actions == toset(var.settings.alarm_actions) && alarm.ok_actions == toset(var.settings.alarm_actions)
    ])
    error_message = "an alarm is raised late, or tells nobody"
  }
}

run "a_function_without_alarms_has_none" {
  command = plan

  variables {
    settings = merge(var.settings, { alarms = false })
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) + length(aws_cloudwatch_metric_alarm.failed) == 0
    error_message = "there are alarms"
  }
}

run "the_queue_of_failed_events_is_encrypted_and_refuses_requests_without_tls" {
  command = plan

  assert {
    condition     = aws_sqs_queue.failed[0].sqs_managed_sse_enabled && aws_sqs_queue.failed[0].kms_master_key_id == null
    error_message = "the queue is not encrypted"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.failed[0].policy).Statement == [{
      Sid       = "DenyWithoutTLS"
      Effect    = "Deny"
      Action    = "sqs:*"
      Resource  = "arn:aws:sqs:eu-west-1:111122223333:tagalong-deployment-failed"
      Principal = "*"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "policy of the queue: ${aws_sqs_queue.failed[0].policy}"
  }
}

run "a_key_of_ones_own_encrypts_a_functions_queue_and_logs_and_its_role_may_use_it_there" {
  command = plan

  variables {
    settings = merge(var.settings, { kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" })
  }

  assert {
    condition     = aws_sqs_queue.failed[0].kms_master_key_id == var.settings.kms_key_arn && aws_cloudwatch_log_group.this.kms_key_id == var.settings.kms_key_arn
    error_message = "the key is not used"
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : [statement.Effect, toset(statement.Action), statement.Resource, toset(statement.Condition.StringEquals["kms:ViaService"])] if statement.Sid == "UseKey"] == [
      ["Allow", toset(["kms:Decrypt", "kms:GenerateDataKey"]), var.settings.kms_key_arn, toset([for service in ["dynamodb", "lambda", "sqs"] : "${service}.eu-west-1.amazonaws.com"])],
    ]
    error_message = "policy: ${data.aws_iam_policy_document.this.json}"
  }
}

run "lambda_alone_takes_a_functions_role" {
  command = plan

  assert {
    condition     = [for statement in jsondecode(data.aws_iam_policy_document.trust.json).Statement : [statement.Effect, statement.Action, statement.Principal]] == [["Allow", "sts:AssumeRole", { Service = "lambda.amazonaws.com" }]]
    error_message = "trust: ${data.aws_iam_policy_document.trust.json}"
  }
}

run "more_environment_than_lambda_takes_is_refused" {
  command = plan

  variables {
    settings = merge(var.settings, { extra_environment = { LONG = join("", [for i in range(1000) : "five!"]) } })
  }

  expect_failures = [aws_lambda_function.this]
}

run "a_zip_that_is_not_there_is_refused" {
  command = plan

  variables {
    settings = merge(var.settings, { dist = "../../tests/nowhere" })
  }

  expect_failures = [aws_lambda_function.this]
}

run "a_longer_policy_than_iam_takes_is_refused" {
  command = plan

  variables {
    policy = jsonencode({ Version = "2012-10-17", Statement = [
      for i in range(100) : { Sid = "Own${i}", Effect = "Allow", Action = "ecr:PutImage", Resource = "arn:aws:ecr:eu-west-1:111122223333:repository/shop-${i}" }
    ] })
  }

  expect_failures = [aws_iam_role_policy.this]
}
