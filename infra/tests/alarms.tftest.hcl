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

# A Go test holds the names in the file against those that the functions write.
run "alarms_are_about_metrics_that_the_functions_write" {
  command = plan

  assert {
    condition = jsonencode({
      for alarm in concat(values(aws_cloudwatch_metric_alarm.tags), aws_cloudwatch_metric_alarm.drift) : alarm.metric_name => alarm.statistic if alarm.namespace == jsondecode(file("tests/metrics.json")).namespace && alarm.dimensions == tomap({ Table = "tagalong" })
    }) == jsonencode(jsondecode(file("tests/metrics.json")).alarms)
    error_message = "alarms: ${jsonencode(concat(values(aws_cloudwatch_metric_alarm.tags), aws_cloudwatch_metric_alarm.drift))}"
  }
}

run "an_event_that_reaches_no_queue_raises_an_alarm" {
  command = plan

  variables {
    accounts = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" }]
  }

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.lost : [alarm.namespace, alarm.metric_name, alarm.dimensions.RuleName, try(alarm.dimensions.EventBusName, "default"), alarm.statistic]]) == toset([
      for rule in aws_cloudwatch_event_rule.this : ["AWS/Events", "InvocationsFailedToBeSentToDlq", rule.name, rule.event_bus_name, "Sum"]
    ])
    error_message = "alarms: ${jsonencode(aws_cloudwatch_metric_alarm.lost)}"
  }

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.dead_letters : [alarm.namespace, alarm.metric_name, alarm.dimensions.QueueName, alarm.statistic]]) == toset([
      for queue in [aws_sqs_queue.undelivered, aws_sqs_queue.failed] : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", queue.name, "Maximum"]
    ])
    error_message = "alarms: ${jsonencode(aws_cloudwatch_metric_alarm.dead_letters)}"
  }
}

# One repeat is six minutes: what succeeds by it raises none.
run "an_event_that_waits_longer_than_a_repeat_takes_raises_an_alarm_and_no_absorbed_error_does" {
  command = plan

  variables {
    alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall"
  }

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.late : [alarm.alarm_name, alarm.namespace, alarm.metric_name, alarm.dimensions.QueueName, alarm.statistic, alarm.comparison_operator]]) == toset([
      for queue in aws_sqs_queue.events : ["${queue.name}-late", "AWS/SQS", "ApproximateAgeOfOldestMessage", queue.name, "Maximum", "GreaterThanThreshold"]
      ]) && alltrue([for alarm in aws_cloudwatch_metric_alarm.late :
      alarm.threshold == 600 && alarm.period == 300 && alarm.evaluation_periods == 1 && alarm.treat_missing_data == "notBreaching" &&
      alarm.alarm_actions == toset([var.alarm_topic_arn]) && alarm.ok_actions == toset([var.alarm_topic_arn])
    ])
    error_message = "alarms: ${jsonencode(aws_cloudwatch_metric_alarm.late)}"
  }

  assert {
    condition     = local.function_of_queue.queued && !try(local.function.queued, false)
    error_message = "other functions' errors raise no alarm, or these do"
  }
}

run "alarms_are_raised_by_the_first_of_what_should_not_be_and_tell_the_topic" {
  command = plan

  variables {
    alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall"
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.tags), values(aws_cloudwatch_metric_alarm.lost), values(aws_cloudwatch_metric_alarm.dead_letters), aws_cloudwatch_metric_alarm.drift) :
      alarm.comparison_operator == "GreaterThanThreshold" && alarm.threshold == 0 && alarm.period == 300 && alarm.evaluation_periods == 1 &&
      alarm.treat_missing_data == (alarm.alarm_name == "tagalong-drift" ? "ignore" : "notBreaching") && # a sweep is not heard of until the next one
      alarm.alarm_actions == toset([var.alarm_topic_arn]) && alarm.ok_actions == toset([var.alarm_topic_arn])
    ])
    error_message = "an alarm is raised late, or tells nobody"
  }

  assert {
    condition     = local.function.alarms && toset(local.function.alarm_actions) == toset([var.alarm_topic_arn])
    error_message = "the functions' own alarms tell nobody"
  }
}

run "the_dashboard_shows_what_the_functions_write" {
  command = plan

  assert {
    condition = toset([
      for metric in flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [for metric in widget.properties.metrics : { namespace = metric[0], name = metric[1], of = join(" ", slice(metric, 2, 4)) }]]) :
      metric.name if metric.of == "Table tagalong" && metric.namespace == jsondecode(file("tests/metrics.json")).namespace
    ]) == toset(jsondecode(file("tests/metrics.json")).dashboard)
    error_message = "dashboard: ${aws_cloudwatch_dashboard.this[0].dashboard_body}"
  }

  # What AWS writes of them, by their names.
  assert {
    condition = toset([
      for metric in flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [for metric in widget.properties.metrics : { text = join(" ", slice(metric, 0, 4)) } if metric[0] != "Tagalong"]]) : metric.text
      ]) == toset(concat(
      [for queue in ["undelivered", "events-failed", "tagimage-failed", "imagedefinitions-failed", "sweep-failed"] : "AWS/SQS ApproximateNumberOfMessagesVisible QueueName tagalong-${queue}"],
      [for queue in ["deployment", "pipeline"] : "AWS/SQS ApproximateAgeOfOldestMessage QueueName tagalong-${queue}"],
      [for pair in setproduct(["Invocations", "Duration", "Errors"], ["deployment", "pipeline", "tagimage", "imagedefinitions", "history", "sweep"]) : "AWS/Lambda ${pair[0]} FunctionName tagalong-${pair[1]}"],
      [for metric in ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"] : "AWS/DynamoDB ${metric} TableName tagalong"],
    ))
    error_message = "dashboard: ${aws_cloudwatch_dashboard.this[0].dashboard_body}"
  }
}

run "alarms_and_dashboard_can_be_switched_off" {
  command = plan

  variables {
    alarms    = false
    dashboard = false
  }

  assert {
    condition = length(concat(values(aws_cloudwatch_metric_alarm.tags), values(aws_cloudwatch_metric_alarm.lost), values(aws_cloudwatch_metric_alarm.late), values(aws_cloudwatch_metric_alarm.dead_letters),
    aws_cloudwatch_metric_alarm.drift, aws_cloudwatch_metric_alarm.sweep_missing, aws_cloudwatch_dashboard.this)) == 0 && !local.function.alarms
    error_message = "there are alarms or a dashboard"
  }
}
