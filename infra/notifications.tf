# Chat and other tools hear of rollouts, drift and exposures without code: rules on the
# bus of event_bus, whose input transformers make of each event what its target takes.
# notifications.json has them, and a test in functions/internal/dev renders them over an
# event of each kind. Texts stand between quotes there as they are: what Tagalong puts into
# the fields that are used ends no string, whether EventBridge escapes it or not.
locals {
  notifications = jsondecode(file("${path.module}/notifications.json"))
  notified = merge(
    var.chat_topic_arn == null ? {} : { chat = var.chat_topic_arn },
    var.api_destination_arn == null ? {} : { for name in ["containers", "drift", "exposures"] : name => var.api_destination_arn },
  )
}

resource "aws_cloudwatch_event_rule" "notification" {
  for_each = local.notified

  name           = "${var.name}-notify-${each.key}"
  description    = "Tagalong: its own events for ${each.key == "chat" ? "chat" : "the API destination"}"
  event_bus_name = var.event_bus
  event_pattern  = jsonencode(local.notifications[each.key].pattern)
  tags           = local.tags
}

resource "aws_cloudwatch_event_target" "notification" {
  for_each = local.notified

  rule           = aws_cloudwatch_event_rule.notification[each.key].name
  event_bus_name = var.event_bus
  target_id      = each.key
  arn            = each.value
  role_arn       = each.key == "chat" ? null : aws_iam_role.notify[0].arn

  input_transformer {
    input_paths    = local.notifications[each.key].paths
    input_template = local.notifications[each.key].template
  }
}

# EventBridge calls the API destination in the name of a role of its own.
resource "aws_iam_role" "notify" {
  count = var.api_destination_arn == null ? 0 : 1

  name                 = "${local.role.prefix}${var.name}-notify-${local.region}"
  path                 = local.role.path
  description          = "Tagalong: EventBridge calls an API destination"
  permissions_boundary = local.role.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.notify_trust.json
  tags                 = local.tags
}

data "aws_iam_policy_document" "notify_trust" {
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

resource "aws_iam_role_policy" "notify" {
  count = var.api_destination_arn == null ? 0 : 1

  name   = "notify"
  role   = aws_iam_role.notify[0].id
  policy = data.aws_iam_policy_document.notify.json
}

data "aws_iam_policy_document" "notify" {
  dynamic "statement" {
    for_each = var.api_destination_arn == null ? [] : [var.api_destination_arn]

    content {
      sid       = "CallDestination" # to pass events on to the API destination; only with api_destination_arn
      actions   = ["events:InvokeApiDestination"]
      resources = [statement.value]
    }
  }
}
