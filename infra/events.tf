# Which events wake which function: events/patterns/NAME.json is the pattern of
# function NAME. The patterns are tested in events/.
locals {
  patterns = { for file in fileset("${path.module}/../events/patterns", "*.json") : trimsuffix(file, ".json") => file }

  # Composed, since the queue's policy names the rules and their targets the queue.
  rule_names = { for name in keys(local.patterns) : name => "${var.name}-${name}" }
  rule_arns  = { for name, rule in local.rule_names : name => "arn:${local.partition}:events:${local.region}:${local.account}:rule/${rule}" }
}

# Where pipelines are named, events of others would each end in a dead-letter queue,
# since the functions may not look into them: they wake nothing. Those of a member
# account are what it forwards, and CodeDeploy's name no pipeline.
locals {
  # As EventBridge has them: its wildcards know no ?, so that a star stands for it.
  pipelines_named = distinct(concat(
    [for pipeline in var.pipelines : jsonencode(pipeline) if !can(regex("[*?]", pipeline))],
    [for pipeline in var.pipelines : jsonencode({ wildcard = replace(pipeline, "/[*?]+/", "*") }) if can(regex("[*?]", pipeline))],
  ))
  pipelines_taken = concat([for alternative in local.pipelines_named : jsondecode(alternative)], [{ exists = false }])

  event_patterns = { for name, file in local.patterns : name => merge(jsondecode(file("${path.module}/../events/patterns/${file}")), {
    for key, value in { "$or" = [{ account = [{ anything-but = [local.account] }] }, { detail = { pipeline = local.pipelines_taken } }] } :
    key => value if name == "pipeline" && !contains(var.pipelines, "*")
  }) }
}

# Services of AWS send to the default bus of their Region alone; member accounts
# forward there, too.
resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.patterns

  name          = local.rule_names[each.key]
  description   = "Tagalong: events for the function ${each.key}"
  event_pattern = jsonencode(local.event_patterns[each.key])
  tags          = local.tags

  lifecycle {
    precondition {
      condition     = length(jsonencode(local.event_patterns[each.key])) <= 2048
      error_message = "The pattern of rule ${local.rule_names[each.key]} has ${length(jsonencode(local.event_patterns[each.key]))} characters: want at most 2048, which is what EventBridge takes; name pipelines by patterns such as shop-* in place of a long list."
    }
  }
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.patterns

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = each.key
  arn       = local.functions[each.key].arn

  # Until Lambda has taken the event. What happens to it in the function is
  # Lambda's to retry, and has a dead-letter queue of its own.
  retry_policy {
    maximum_event_age_in_seconds = var.retries.event_hours * 3600
    maximum_retry_attempts       = var.retries.event_attempts
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

# No source_account: with it EventBridge does not get through.
resource "aws_lambda_permission" "events" {
  for_each = local.patterns

  statement_id  = "EventBridge"
  function_name = local.functions[each.key].function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}

# Events that Lambda did not take. Messages have the rule and the reason in
# their attributes; `tagalong replay` takes them.
resource "aws_sqs_queue" "undelivered" {
  name                              = "${var.name}-undelivered"
  message_retention_seconds         = 14 * 24 * 3600
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
  policy                            = data.aws_iam_policy_document.undelivered.json
  tags                              = local.tags
}

# The queue's policy stands in the queue, since the provider waits for each
# resource of SQS as long as for all of them together.
data "aws_iam_policy_document" "undelivered" {
  statement {
    sid       = "TakeWhatTheRulesCannotDeliver"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-undelivered"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = values(local.rule_arns)
    }
  }

  dynamic "statement" {
    for_each = var.tls_only_queues ? ["DenyWithoutTLS"] : []

    content {
      sid       = statement.value
      effect    = "Deny"
      actions   = ["sqs:*"]
      resources = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-undelivered"]

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

# One statement an account, beside whatever the bus's policy says already. What
# they send is what AWS says of them: nobody else can send events of aws.*.
# A wrong account has its sentence elsewhere (modules/rules).
resource "aws_cloudwatch_event_permission" "member" {
  for_each = toset([for entry in var.accounts : entry.account if entry.account != local.account && can(regex("^[0-9]{12}$", entry.account))])

  statement_id = "${var.name}-${each.value}"
  principal    = each.value
}
