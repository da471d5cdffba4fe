locals {
  # Metrics of Lambda that are zero when all is well. What a queue repeats shows in the
  # age of what waits there.
  alarms = var.settings.alarms && !var.settings.queued ? merge(
    {
      Errors    = "events or questions that ended with an error; its log says why"
      Throttles = "calls that Lambda had no room for: raise the concurrency of the account or of the function"
    },
    local.asynchronous ? {
      DestinationDeliveryFailures = "failed events that did not reach ${local.queue_name} and are lost"
    } : {},
  ) : {}
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${lower(each.key)}"
  alarm_description   = "${local.name} had ${each.value}."
  namespace           = "AWS/Lambda"
  metric_name         = each.key
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.settings.alarm_actions
  ok_actions          = var.settings.alarm_actions
  tags                = var.settings.tags
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  count = var.settings.alarms && local.asynchronous ? 1 : 0

  alarm_name          = "${local.name}-failed"
  alarm_description   = "Events that ${local.name} could not handle wait in ${local.queue_name}: mend the cause, then replay them."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.failed[0].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.settings.alarm_actions
  ok_actions          = var.settings.alarm_actions
  tags                = var.settings.tags
}
