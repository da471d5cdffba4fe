# Looks through all that runs, on a schedule: makes ledger and tags true, and
# reports what was wrong. When its time is up it leaves a cursor, and the next one
# goes on; so a failed one is not tried again.
module "sweep" {
  source = "./modules/function"

  name        = "sweep"
  description = "Tagalong: compares what runs with ledger and tags, and heals what differs"
  settings = merge(local.function, {
    timeout              = var.sweep_timeout
    reserved_concurrency = var.reserved_concurrency == null ? null : 1
    retries              = { maximum_age_seconds = 3600, attempts = 0 }
  })
  environment = local.environment
  policy      = data.aws_iam_policy_document.sweep.json
}

data "aws_iam_policy_document" "sweep" {
  source_policy_documents = [
    data.aws_iam_policy_document.ledger_write.json,
    data.aws_iam_policy_document.images_tag.json,
    data.aws_iam_policy_document.images_lifecycle.json,
    data.aws_iam_policy_document.images_preview.json,
    data.aws_iam_policy_document.images_untag.json,
    data.aws_iam_policy_document.images_findings.json,
    data.aws_iam_policy_document.functions_read.json,
    data.aws_iam_policy_document.service_deployments.json,
    data.aws_iam_policy_document.services_and_tasks.json,
    data.aws_iam_policy_document.task_definitions.json,
    data.aws_iam_policy_document.clusters.json,
    data.aws_iam_policy_document.own_events.json,
    data.aws_iam_policy_document.member_accounts_tag.json,
  ]
}

resource "aws_scheduler_schedule" "sweep" {
  name                = "${var.name}-sweep"
  description         = "Tagalong: wakes the function sweep"
  schedule_expression = var.sweep_schedule
  kms_key_arn         = var.kms_key_arn

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 5
  }

  target {
    arn      = module.sweep.arn
    role_arn = aws_iam_role.schedule.arn
    input    = "{}" # it takes anything

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }

    dead_letter_config {
      arn = aws_sqs_queue.undelivered.arn
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}

# Roles are of the whole account, schedules of a Region.
resource "aws_iam_role" "schedule" {
  name                 = "${local.role.prefix}${var.name}-schedule-${local.region}"
  path                 = local.role.path
  permissions_boundary = local.role.permissions_boundary
  description          = "Tagalong: wakes the function sweep"
  assume_role_policy   = data.aws_iam_policy_document.schedule_trust.json
  tags                 = local.tags
}

data "aws_iam_policy_document" "schedule_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    # The group that the schedule is in: a schedule's own ARN does not do.
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule-group/default"]
    }
  }
}

resource "aws_iam_role_policy" "schedule" {
  name   = "${var.name}-schedule"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "WakeTheSweep" # to wake the sweep
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}-sweep"]
  }

  statement {
    sid       = "KeepWhatIsNotTaken" # to keep a call that Lambda did not take
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-undelivered"]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseKeyOfScheduleAndQueue" # to use the key of yours; only with kms_key_arn
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in ["scheduler", "sqs"] : "${service}.${local.region}.${data.aws_partition.this.dns_suffix}"]
      }
    }
  }
}
