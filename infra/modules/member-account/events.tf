# The events that the main module's rules take are forwarded to its bus, as they
# are: they keep this account and Region. A third hop there is none.
module "patterns" {
  source = "../patterns"

  partition = local.partition
  account   = local.account
  regions   = [local.region]
  clusters  = var.clusters
  pipelines = var.pipelines
}

locals {
  queue_name = "${var.name}-undelivered"
  rule_names = { for name in keys(module.patterns.narrowed) : name => "${var.name}-${name}" }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = module.patterns.narrowed

  name          = local.rule_names[each.key]
  description   = "Tagalong: events forwarded to ${var.event_bus_arn}"
  event_pattern = each.value
  tags          = local.tags

  lifecycle {
    precondition {
      condition     = length(each.value) <= 2048
      error_message = "The pattern of rule ${local.rule_names[each.key]} has ${length(each.value)} characters: want at most 2048, which is what EventBridge takes; name clusters and pipelines by patterns such as shop-* in place of a long list."
    }

    precondition {
      condition     = anytrue([for pattern in var.regions : can(regex("^${replace(replace(pattern, "*", ".*"), "?", ".")}$", local.region))])
      error_message = "regions ${jsonencode(var.regions)}: want one that takes in ${local.region}, whose events are forwarded."
    }
  }
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = module.patterns.narrowed

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
  name                              = local.queue_name
  message_retention_seconds         = 14 * 24 * 3600
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
  policy                            = data.aws_iam_policy_document.undelivered.json
  tags                              = local.tags
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
  name                 = "${var.role_name_prefix}${var.name}-forward-${local.region}"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  description          = "Tagalong: lets EventBridge forward events to ${var.event_bus_arn}"
  assume_role_policy   = data.aws_iam_policy_document.forward_trust.json
  tags                 = local.tags
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
    sid       = "ForwardEvents" # to forward what the rules take
    actions   = ["events:PutEvents"]
    resources = [var.event_bus_arn]
  }
}
