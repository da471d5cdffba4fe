resource "aws_cloudwatch_metric_alarm" "undelivered" {
  count = var.alarms ? 1 : 0

  alarm_name          = local.queue_name
  alarm_description   = "Events that could not be forwarded wait in ${local.queue_name}: mend the cause, then replay them."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.undelivered.name }
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

resource "aws_cloudwatch_metric_alarm" "lost" {
  for_each = var.alarms ? local.rule_names : {}

  alarm_name          = "${each.value}-lost"
  alarm_description   = "Events of rule ${each.value} reached neither ${var.event_bus_arn} nor ${local.queue_name}, and are lost."
  namespace           = "AWS/Events"
  metric_name         = "InvocationsFailedToBeSentToDlq"
  dimensions          = { RuleName = each.value }
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
