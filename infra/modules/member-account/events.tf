# The events that the main module's rules take are forwarded to its bus, as they
# are: they keep this account and Region. A third hop there is none.
locals {
  patterns   = { for file in fileset("${path.module}/../../../events/patterns", "*.json") : trimsuffix(file, ".json") => file }
  queue_name = "${var.name}-undelivered"
  rule_names = { for name in keys(local.patterns) : name => "${var.name}-${name}" }
}

# As in the main module: where pipelines are named, events of others are not forwarded.
locals {
  # As EventBridge has them: its wildcards know no ?, so that a star stands for it.
  pipelines_named = distinct(concat(
    [for pipeline in var.pipelines : jsonencode(pipeline) if !can(regex("[*?]", pipeline))],
    [for pipeline in var.pipelines : jsonencode({ wildcard = replace(pipeline, "/[*?]+/", "*") }) if can(regex("[*?]", pipeline))],
  ))
  pipelines_taken = concat([for alternative in local.pipelines_named : jsondecode(alternative)], [{ exists = false }])

  files = { for name, file in local.patterns : name => jsondecode(file("${path.module}/../../../events/patterns/${file}")) }
  event_patterns = { for name, pattern in local.files : name => merge(pattern, { detail = merge(pattern.detail, {
    for key, value in { pipeline = local.pipelines_taken } : key => value if name == "pipeline" && !contains(var.pipelines, "*")
  }) }) }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.patterns

  name          = local.rule_names[each.key]
  description   = "Tagalong: events forwarded to ${var.event_bus_arn}"
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
  target_id = "central"
  arn       = var.event_bus_arn
  role_arn  = aws_iam_role.forward.arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  depends_on = [aws_iam_role_policy.forward]
}

resource "aws_sqs_queue" "undelivered" {
  name                      = local.queue_name
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
  policy                    = data.aws_iam_policy_document.undelivered.json
  tags                      = local.tags
}

data "aws_iam_policy_document" "undelivered" {
  statement {
    sid       = "TakeWhatTheRulesCannotDeliver"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${local.queue_name}"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in values(local.rule_names) : "arn:${local.partition}:events:${local.region}:${local.account}:rule/${rule}"]
    }
  }

  statement {
    sid       = "DenyWithoutTLS"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${local.queue_name}"]

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

resource "aws_iam_role" "forward" {
  name               = "${var.name}-forward-${local.region}"
  description        = "Tagalong: lets EventBridge forward events to ${var.event_bus_arn}"
  assume_role_policy = data.aws_iam_policy_document.forward_trust.json
  tags               = local.tags
}

data "aws_iam_policy_document" "forward_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role_policy" "forward" {
  name   = "forward"
  role   = aws_iam_role.forward.id
  policy = data.aws_iam_policy_document.forward.json
}

data "aws_iam_policy_document" "forward" {
  statement {
    sid       = "ForwardEvents"
    actions   = ["events:PutEvents"]
    resources = [var.event_bus_arn]
  }
}
