# What concerns the whole; the functions' own alarms are in modules/function.
locals {
  tag_alarms = var.alarms ? {
    TagsBlocked = "tags that cannot be moved: immutable, illegal, or the image has no room for one more; `tagalong tags --pending` names them"
    TagsMissing = "tags whose image is gone from its repository; `tagalong tags --pending` names them"
  } : {}
}

resource "aws_cloudwatch_metric_alarm" "tags" {
  for_each = local.tag_alarms

  alarm_name          = "${var.name}-${lower(each.key)}"
  alarm_description   = "There are ${each.value}."
  namespace           = "Tagalong"
  metric_name         = each.key
  dimensions          = { Table = local.table_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

# Between two sweeps nothing is known anew.
resource "aws_cloudwatch_metric_alarm" "drift" {
  count = var.alarms ? 1 : 0

  alarm_name          = "${var.name}-drift"
  alarm_description   = "The sweep has found what it cannot heal; its log says what, and `tagalong sweep --dry-run`."
  namespace           = "Tagalong"
  metric_name         = "DriftLeft"
  dimensions          = { Table = local.table_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "ignore"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

# A schedule that is off, or may not wake the sweep any more, leaves no trace, nor does a
# sweep that is interrupted each time: here no news is bad news. Only where it runs
# several times a day, since a day is what is looked at.
resource "aws_cloudwatch_metric_alarm" "sweep_missing" {
  count = var.alarms && can(regex("^rate\\((?:[1-9][0-9]{0,2} minutes?|(?:[1-9]|1[0-2]) hours?)\\)$", var.sweep_schedule)) ? 1 : 0

  alarm_name          = "${var.name}-sweep-missing"
  alarm_description   = "No sweep has come to its end for a day: is the schedule ${var.name}-sweep enabled, what waits in ${var.name}-undelivered, and what does the sweep's log say?"
  namespace           = "Tagalong"
  metric_name         = "SweepFinished"
  dimensions          = { FunctionName = "${var.name}-sweep" }
  statistic           = "Sum"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

# Instead of each error, which the queue absorbs: what waits longer than one repeat takes.
resource "aws_cloudwatch_metric_alarm" "late" {
  for_each = var.alarms ? aws_sqs_queue.events : {}

  alarm_name          = "${each.value.name}-late"
  alarm_description   = "Events wait in ${each.value.name} for more than ${floor(local.late_seconds / 60)} minutes: the log of the function says why. A single event that keeps failing is left out of this age once it was tried three times; it is in ${local.queue_names.failed} after a day."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.late_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

locals {
  dead_letter_alarms = var.alarms ? {
    undelivered = "Events that no queue took wait in ${local.queue_names.undelivered}: mend the cause, then replay them."
    failed      = "Events that failed for a day wait in ${local.queue_names.failed}: mend the cause, then let SQS move them back, or replay them."
  } : {}
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = local.dead_letter_alarms

  alarm_name          = local.queue_names[each.key]
  alarm_description   = each.value
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = local.queue_names[each.key] }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags

  lifecycle {
    precondition {
      condition     = var.alarm_topic_arn == null ? true : startswith(var.alarm_topic_arn, "arn:${local.partition}:sns:${local.region}:")
      error_message = "alarm_topic_arn \"${coalesce(var.alarm_topic_arn, "null")}\": want a topic of ${local.region}: an alarm tells none of another Region."
    }
  }
}

# Of a rule on the default bus the metric has the rule's name alone:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
resource "aws_cloudwatch_metric_alarm" "lost" {
  for_each = var.alarms ? local.rules : {}

  alarm_name          = "${var.name}-${each.key}-lost"
  alarm_description   = "Events of rule ${var.name}-${each.key} reached neither their queue nor ${local.queue_names.undelivered}, and are lost."
  namespace           = "AWS/Events"
  metric_name         = "InvocationsFailedToBeSentToDlq"
  dimensions          = merge({ RuleName = "${var.name}-${each.key}" }, each.value.bus == "default" ? {} : { EventBusName = each.value.bus })
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}
