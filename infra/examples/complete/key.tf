data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_service" "this" {
  service_id = "kms"
}

locals {
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_service.this.region
  partition = data.aws_partition.this.partition
}

# For the table, the queues, the logs and the topic.
resource "aws_kms_key" "this" {
  description         = "Tagalong's ledger, queues, logs and alarms"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

data "aws_iam_policy_document" "key" {
  # The account's own policies decide who may use and keep the key: those of the
  # functions, too, and DynamoDB acts for them.
  statement {
    sid       = "LetTheAccountDecide"
    actions   = ["kms:*"]
    resources = ["*"] # a key's policy is about this key

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  # EventBridge sends to the queues for the rules, and each queue says for which; the bus
  # for forwarded events looks at the key, too.
  statement {
    sid       = "LetEventsBeEncrypted"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  statement {
    sid       = "LetAlarmsBeEncrypted"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "LetLogsBeEncrypted"
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.${data.aws_partition.this.dns_suffix}"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name}-*"]
    }
  }
}
