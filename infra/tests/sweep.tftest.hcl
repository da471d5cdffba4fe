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

run "the_sweep_runs_every_hour" {
  command = plan

  assert {
    condition     = aws_scheduler_schedule.sweep.schedule_expression == "rate(1 hour)" && local.environment.TAGALONG_PENDING_AFTER == "1h"
    error_message = "the sweep runs at ${aws_scheduler_schedule.sweep.schedule_expression}"
  }
}

run "a_sweep_that_lambda_does_not_take_is_tried_again_and_kept" {
  command = plan

  assert {
    condition = alltrue([for target in aws_scheduler_schedule.sweep.target :
      target.retry_policy[0].maximum_event_age_in_seconds == 3600 && target.retry_policy[0].maximum_retry_attempts == 10 && length(target.dead_letter_config) == 1
    ])
    error_message = "the schedule gives up at once, or drops what is not taken"
  }
}

run "the_schedule_wakes_the_sweep_and_nothing_else" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition = { for statement in jsondecode(data.aws_iam_policy_document.schedule.json).Statement : statement.Sid => statement.Resource } == {
      WakeTheSweep             = "arn:aws:lambda:eu-west-1:111122223333:function:tagalong-sweep"
      KeepWhatIsNotTaken       = "arn:aws:sqs:eu-west-1:111122223333:tagalong-undelivered"
      UseKeyOfScheduleAndQueue = var.kms_key_arn
    }
    error_message = "the schedule may do ${data.aws_iam_policy_document.schedule.json}"
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.schedule_trust.json).Statement : statement.Condition] == [{
      StringEquals = { "aws:SourceAccount" = "111122223333" }
      ArnEquals    = { "aws:SourceArn" = "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/default" }
    }]
    error_message = "others than our own schedules may take the role"
  }
}

# A Go test holds the names in the file against those that the functions write.
run "a_day_in_which_no_sweep_ends_raises_an_alarm" {
  command = plan

  variables {
    alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall"
  }

  assert {
    condition = [for alarm in aws_cloudwatch_metric_alarm.sweep_missing : [
      alarm.namespace, alarm.metric_name, alarm.dimensions, alarm.statistic, alarm.period * alarm.evaluation_periods,
      alarm.comparison_operator, alarm.threshold, alarm.treat_missing_data, alarm.alarm_actions, alarm.ok_actions,
      ]] == [[
      jsondecode(file("tests/metrics.json")).namespace, one(keys(jsondecode(file("tests/metrics.json")).function_alarms)), tomap({ FunctionName = "tagalong-sweep" }), "Sum", 86400,
      "LessThanThreshold", 1, "breaching", toset([var.alarm_topic_arn]), toset([var.alarm_topic_arn]),
    ]]
    error_message = "alarm: ${jsonencode(aws_cloudwatch_metric_alarm.sweep_missing)}"
  }
}

run "a_schedule_that_may_leave_a_day_out_has_no_such_alarm" {
  command = plan

  variables {
    sweep_schedule = "cron(0 3 * * ? *)"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.sweep_missing) == 0
    error_message = "it would be raised each day"
  }
}
