# Roles are of the whole account, functions of a Region.
resource "aws_iam_role" "this" {
  name                 = "${var.settings.role.prefix}${local.name}-${var.settings.region}"
  path                 = var.settings.role.path
  permissions_boundary = var.settings.role.permissions_boundary
  description          = var.description
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = var.settings.tags
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
    sid       = "WriteLogs" # to log
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${var.settings.partition}:logs:${var.settings.region}:${var.settings.account}:log-group:${local.log_group}:*"]
  }

  dynamic "statement" {
    for_each = local.asynchronous ? [local.queue_arn] : []

    content {
      sid       = "KeepWhatFailed" # to keep what Lambda has given up on
      actions   = ["sqs:SendMessage"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.settings.kms_key_arn == null ? [] : [var.settings.kms_key_arn]

    content {
      sid       = "UseKey" # to use the key of yours; only with kms_key_arn
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in ["dynamodb", "lambda", "sqs"] : "${service}.${var.settings.region}.${var.settings.dns_suffix}"]
      }
    }
  }

  # Segments of the function, which Lambda writes in its name. AWS offers neither resources
  # nor conditions for these.
  dynamic "statement" {
    for_each = var.settings.tracing ? ["*"] : []

    content {
      sid       = "WriteTraces" # to be traced; only with tracing
      actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources = [statement.value]
    }
  }

  # Lambda makes the function's network interfaces under its role, and names no resource
  # as it asks whether it may.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
  dynamic "statement" {
    for_each = var.settings.vpc == null ? [] : ["*"]

    content {
      sid       = "ConnectToVPC" # to be in a VPC; only with vpc
      actions   = local.interface_actions
      resources = [statement.value]
    }
  }

  # The function's own code may not.
  dynamic "statement" {
    for_each = var.settings.vpc == null ? [] : ["*"]

    content {
      sid       = "LeaveVPCToLambda" # so that Lambda alone does, and no code of a function
      effect    = "Deny"
      actions   = local.interface_actions
      resources = [statement.value]

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = ["arn:${var.settings.partition}:lambda:${var.settings.region}:${var.settings.account}:function:${local.name}"]
      }
    }
  }
}

locals {
  interface_actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ]
}
