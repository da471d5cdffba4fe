# EventBridge → queue → function: what the rules take waits here, and Lambda hands it to
# the function in batches. What fails comes again, by itself, for about a day. README.md
# says how it behaves, and what it costs.
locals {
  queue_names = merge({ for name in local.queued : name => "${var.name}-${name}" }, {
    failed      = "${var.name}-events-failed"
    undelivered = "${var.name}-undelivered"
  })

  # ARNs are composed, since a queue's policy stands in the queue, and names the rules,
  # whose targets name the queue.
  queue_arns = { for name, queue in local.queue_names : name => "arn:${local.partition}:sqs:${local.region}:${local.account}:${queue}" }

  # Lambda wants six times the function's timeout, so that what it holds back comes to its
  # turn before it comes again. As often as that makes a day of tries. It does not grow with
  # the tries: an invocation waits for a busy service by itself, so that a message costs a
  # try a round of the queue and no more, and what an outage held back is done within one
  # such time of its end. To change it for single messages would take a client and a
  # permission more, to come later.
  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  repeat_seconds = max(300, 6 * var.timeout)
  tries          = ceil(24 * 3600 / local.repeat_seconds)

  # Longer than what succeeds at its second try waits, and before the third: from then on
  # SQS leaves a message out of the age.
  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
  late_seconds = ceil(local.repeat_seconds * 5 / 3)
}

resource "aws_sqs_queue" "events" {
  for_each = toset(local.queued)

  name                              = local.queue_names[each.key]
  visibility_timeout_seconds        = local.repeat_seconds
  message_retention_seconds         = 14 * 24 * 3600 # should the function not be handed anything at all
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
  policy                            = data.aws_iam_policy_document.queue[each.key].json
  tags                              = local.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed.arn
    maxReceiveCount     = local.tries
  })
}

# No window: a batch is what is there. Size and answer are those of the package
# functions/internal/batch.
resource "aws_lambda_event_source_mapping" "this" {
  for_each = aws_sqs_queue.events

  event_source_arn        = each.value.arn
  function_name           = local.functions[each.key].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = local.tags

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }
}

# Events that a function could not handle within a day. A message's age goes on from where
# it was, so that it stays for thirteen days.
resource "aws_sqs_queue" "failed" {
  name                              = local.queue_names.failed
  message_retention_seconds         = 14 * 24 * 3600
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
  policy                            = var.tls_only_queues ? data.aws_iam_policy_document.queue["failed"].json : null
  tags                              = local.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [for name in local.queued : local.queue_arns[name]]
  })
}

# Events that reached no queue. Messages have the rule and the reason in their
# attributes; `tagalong replay` takes them.
resource "aws_sqs_queue" "undelivered" {
  name                              = local.queue_names.undelivered
  message_retention_seconds         = 14 * 24 * 3600
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
  policy                            = data.aws_iam_policy_document.queue["undelivered"].json
  tags                              = local.tags
}

# Which rules may send to which queue: to a function's those that are for it, and what any
# of them cannot deliver to undelivered. To failed SQS itself moves what it holds.
#
# The policies stand in the queues, since the provider waits for each resource of SQS as
# long as for all of them together.
locals {
  queue_senders = merge(
    { for function in local.queued : function => [for rule in values(local.rules) : rule.arn if rule.function == function] },
    { failed = [], undelivered = values(local.rules)[*].arn },
  )
}

data "aws_iam_policy_document" "queue" {
  for_each = local.queue_senders

  dynamic "statement" {
    for_each = length(each.value) == 0 ? [] : [each.value]

    content {
      sid       = each.key == "undelivered" ? "TakeWhatTheRulesCannotDeliver" : "TakeWhatTheRulesDeliver"
      actions   = ["sqs:SendMessage"]
      resources = [local.queue_arns[each.key]]

      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = statement.value
      }
    }
  }

  dynamic "statement" {
    for_each = var.tls_only_queues ? ["DenyWithoutTLS"] : []

    content {
      sid       = statement.value
      effect    = "Deny"
      actions   = ["sqs:*"]
      resources = [local.queue_arns[each.key]]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "Bool"
        variable = "aws:SecureTransport"
        values   = ["false"]
      }
    }
  }
}

# Lambda takes messages in the function's name.
data "aws_iam_policy_document" "take_events" {
  for_each = toset(local.queued)

  statement {
    sid       = "TakeEventsFromQueue" # to take events from its own queue
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [local.queue_arns[each.key]]
  }
}
