# Events that the function could not handle, after Lambda's retries: records with
# the whole event and the error. `tagalong replay` takes them.
resource "aws_sqs_queue" "failed" {
  count = local.asynchronous ? 1 : 0

  name                              = local.queue_name
  message_retention_seconds         = 14 * 24 * 3600
  sqs_managed_sse_enabled           = var.settings.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.settings.kms_key_arn
  kms_data_key_reuse_period_seconds = var.settings.kms_key_arn == null ? null : 3600
  policy                            = var.settings.tls_only_queues ? data.aws_iam_policy_document.tls_only.json : null
  tags                              = var.settings.tags
}

data "aws_iam_policy_document" "tls_only" {
  statement {
    sid       = "DenyWithoutTLS"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.queue_arn]

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

resource "aws_lambda_function_event_invoke_config" "this" {
  count = local.asynchronous ? 1 : 0

  function_name                = aws_lambda_function.this.function_name
  maximum_event_age_in_seconds = var.settings.retries.maximum_age_seconds
  maximum_retry_attempts       = var.settings.retries.attempts

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed[0].arn
    }
  }
}
