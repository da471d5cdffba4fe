# Which events are for which function: events/patterns/NAME.json is the pattern of
# function NAME, and task.json of deployment, too. The patterns are tested in events/.
module "patterns" {
  source = "./modules/patterns"

  partition = local.partition
  account   = local.account
  regions   = local.own_regions
  clusters  = var.clusters
  pipelines = var.pipelines
}

# Services of AWS send to the default bus of their Region alone. What other accounts and
# Regions forward has a bus of its own: nobody need be let onto the default one, on which
# anything may listen. What each of them forwards is narrowed there.
locals {
  own_rules = { for name, pattern in module.patterns.narrowed : name => {
    function = module.patterns.function[name]
    bus      = "default"
    pattern  = pattern
    arn      = "${local.rules_arn}/${var.name}-${name}"
  } }

  forwarded_rules = { for name, pattern in module.patterns.whole : "${name}-forwarded" => {
    function = module.patterns.function[name]
    bus      = local.bus_name
    pattern  = jsonencode(merge(jsondecode(pattern), { region = local.forwarded_regions }))
    arn      = "${local.rules_arn}/${local.bus_name}/${var.name}-${name}-forwarded"
  } if local.forwarding }

  # ARNs are composed, since the queues' policies name the rules and their targets the queues.
  rules_arn = "arn:${local.partition}:events:${local.region}:${local.account}:rule"
  rules     = { for name, rule in merge(local.own_rules, local.forwarded_rules) : name => rule if local.installed[rule.function] }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name           = "${var.name}-${each.key}"
  description    = "Tagalong: events for the function ${each.value.function}"
  event_bus_name = each.value.bus
  event_pattern  = each.value.pattern
  tags           = local.tags

  lifecycle {
    precondition {
      condition     = length(each.value.pattern) <= 2048
      error_message = "The pattern of rule ${var.name}-${each.key} has ${length(each.value.pattern)} characters: want at most 2048, which is what EventBridge takes; name clusters and pipelines by patterns such as shop-* in place of a long list."
    }
  }

  depends_on = [aws_cloudwatch_event_bus.forwarded]
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = each.value.bus
  target_id      = each.value.function
  arn            = aws_sqs_queue.events[each.value.function].arn

  # Until the queue has the event. What happens to it in the function is the queue's
  # to repeat, and has a dead-letter queue of its own.
  retry_policy {
    maximum_event_age_in_seconds = var.retries.event_hours * 3600
    maximum_retry_attempts       = var.retries.event_attempts
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

# The bus for what is forwarded, if something is.
resource "aws_cloudwatch_event_bus" "forwarded" {
  count = local.forwarding ? 1 : 0

  name        = local.bus_name
  description = "Tagalong: events that other accounts and Regions forward"
  tags        = local.tags

  kms_key_identifier = var.kms_key_arn
}

resource "aws_cloudwatch_event_bus_policy" "forwarded" {
  count = length(local.members) == 0 ? 0 : 1

  event_bus_name = aws_cloudwatch_event_bus.forwarded[0].name
  policy         = data.aws_iam_policy_document.forwarded[0].json
}

# They send what the patterns name, and nothing else. What it says is what AWS says of
# them: nobody but AWS can send events of aws.*.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-example-policy-cross-account-custom-bus-source.html
data "aws_iam_policy_document" "forwarded" {
  count = length(local.members) == 0 ? 0 : 1

  statement {
    sid       = "TakeWhatOtherAccountsForward"
    actions   = ["events:PutEvents"]
    resources = [local.bus_arn]

    principals {
      type        = "AWS"
      identifiers = var.organization_id == null ? [for account in local.members : "arn:${local.partition}:iam::${account}:root"] : ["*"]
    }

    # Of everybody those of the organization.
    dynamic "condition" {
      for_each = var.organization_id[*]

      content {
        test     = "StringEquals"
        variable = "aws:PrincipalOrgID"
        values   = [condition.value]
      }
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = distinct(flatten([for pattern in values(module.patterns.whole) : jsondecode(pattern).source]))
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "events:detail-type"
      values   = distinct(flatten([for pattern in values(module.patterns.whole) : jsondecode(pattern)["detail-type"]]))
    }
  }
}

locals {
  bus_name = "${var.name}-forwarded"
  bus_arn  = "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/${local.bus_name}"

  # Those with a role: of others we have a registry, and nothing to hear. A wrong account
  # has its sentence elsewhere (modules/rules).
  members = distinct([for entry in var.accounts : entry.account
    if entry.role != null && entry.account != local.account && can(regex("^[0-9]{12}$", entry.account))
  ])

  # Our own account forwards from its other Regions, for which its policies are enough.
  forwarded_regions = distinct(concat(
    flatten([for entry in var.accounts : coalescelist(coalesce(entry.regions, []), [local.region]) if contains(local.members, entry.account)]),
    [for region in coalesce(local.own_regions, []) : region if region != local.region],
  ))
  forwarding = length(local.forwarded_regions) > 0
}
