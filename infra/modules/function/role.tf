# Roles are of the whole account, functions of a Region.
resource "aws_iam_role" "this" {
  name               = "${local.name}-${var.settings.region}"
  description        = var.description
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.settings.tags
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = local.name
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json

  lifecycle {
    precondition {
      condition     = local.policy_size <= 10240
      error_message = "The policy of ${local.name} has ${local.policy_size} characters: want at most 10240, which is what IAM takes; name regions, clusters, repositories and pipelines by patterns such as prod-* in place of long lists."
    }
  }
}

locals {
  policy_size = length(jsonencode(jsondecode(data.aws_iam_policy_document.this.json))) # IAM counts no white space
}

data "aws_iam_policy_document" "this" {
  source_policy_documents = [var.policy]

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${var.settings.partition}:logs:${var.settings.region}:${var.settings.account}:log-group:${local.log_group}:*"]
  }

  dynamic "statement" {
    for_each = local.asynchronous ? [local.queue_arn] : []

    content {
      sid       = "KeepWhatFailed"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.settings.kms_key_arn == null ? [] : [var.settings.kms_key_arn]

    content {
      sid       = "UseKeyOfTableAndQueue"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in ["dynamodb", "sqs"] : "${service}.${var.settings.region}.${var.settings.dns_suffix}"]
      }
    }
  }
}
