resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({ widgets = [for i, widget in local.widgets : merge(local.widget, {
    x          = i % 2 * 12
    y          = floor(i / 2) * 6
    properties = merge(local.properties, widget)
  })] })
}

locals {
  widget     = { type = "metric", width = 12, height = 6 }
  properties = { region = local.region, view = "timeSeries", stat = "Sum", period = 300 }

  widgets = [
    {
      title   = "Events and tags"
      metrics = [for metric in ["EventsHandled", "EventsUnmanaged", "TagsMoved"] : ["Tagalong", metric, "Table", local.table_name]]
    },
    {
      title   = "What wants attention"
      metrics = [for metric in ["TagsBlocked", "TagsMissing", "TagsInDoubt", "ContainersUnproven", "Errors"] : ["Tagalong", metric, "Table", local.table_name]]
    },
    {
      title   = "From the deployment to the confirmed tag, ms"
      metrics = [for stat, label in { p50 = "median", p99 = "p99" } : ["Tagalong", "LagMilliseconds", "Table", local.table_name, { stat = stat, label = label }]]
    },
    {
      title   = "What the sweep found"
      metrics = [for metric in ["Drift", "DriftLeft", "FactsRecorded"] : ["Tagalong", metric, "Table", local.table_name]]
    },
    {
      title   = "Events that wait: age of the oldest, s"
      stat    = "Maximum"
      metrics = [for queue in aws_sqs_queue.events : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue.name]]
    },
    {
      title   = "Dead letters"
      stat    = "Maximum"
      metrics = [for queue in local.dead_letter_queue_names : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]]
    },
    {
      title   = "Invocations"
      metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Invocations", "FunctionName", "${var.name}-${name}"]]
    },
    {
      title   = "Duration, p99, ms"
      stat    = "p99"
      metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Duration", "FunctionName", "${var.name}-${name}"]]
    },
    {
      title   = "Errors of functions"
      metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Errors", "FunctionName", "${var.name}-${name}"]]
    },
    {
      title = "The ledger's table"
      metrics = [for metric in ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"] :
        ["AWS/DynamoDB", metric, "TableName", local.table_name]
      ]
    },
  ]

  dead_letter_queue_names = concat(
    [aws_sqs_queue.undelivered.name, aws_sqs_queue.failed.name],
    [for function in values(local.functions) : function.dead_letter_queue_name if function.dead_letter_queue_name != null],
  )
}
