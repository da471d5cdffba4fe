locals {
  name         = "${var.settings.prefix}-${var.name}"
  log_group    = "/aws/lambda/${local.name}"
  package      = "${var.settings.dist}/${var.name}.zip"
  uploaded     = var.settings.s3 == null # by Terraform; otherwise Lambda takes the zip from a bucket
  asynchronous = var.settings.retries != null
  queue_name   = "${local.name}-failed"
  queue_arn    = "arn:${var.settings.partition}:sqs:${var.settings.region}:${var.settings.account}:${local.queue_name}"

  # Measured: what a cold start costs is mostly reading the same certificates
  # twice, and below one core a collector of garbage that thinks there are more.
  performance = merge(
    { SSL_CERT_DIR = "/none", GOGC = "400" },
    var.settings.memory_size < local.one_core ? { GOMAXPROCS = "1" } : {},
  )
  one_core = 1769 # MB of memory that come with a whole vCPU

  environment = merge(
    var.settings.extra_environment,
    local.performance,
    { for name, value in var.environment : name => value if value != "" },
  )
  environment_size = sum(concat([0], [for name, value in local.environment : length(name) + length(value)]))
}

resource "aws_lambda_function" "this" {
  function_name                  = local.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  filename                       = local.uploaded ? local.package : null
  source_code_hash               = local.uploaded && fileexists(local.package) ? filebase64sha256(local.package) : null
  s3_bucket                      = try(var.settings.s3.bucket, null)
  s3_key                         = local.uploaded ? null : "${var.settings.s3.prefix}${var.name}.zip"
  code_signing_config_arn        = var.settings.code_signing_config_arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.settings.architecture]
  memory_size                    = var.settings.memory_size
  timeout                        = var.settings.timeout
  reserved_concurrent_executions = coalesce(var.settings.reserved_concurrency, -1) # -1 is none
  kms_key_arn                    = var.settings.kms_key_arn
  tags                           = var.settings.tags

  environment {
    variables = local.environment
  }

  # The function leaves out lines below its own level. Lambda may not leave out
  # more: metrics are lines without a level, which it takes for INFO.
  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.this.name
    application_log_level = var.settings.log_level == "debug" ? "DEBUG" : "INFO"
    system_log_level      = "INFO"
  }

  dynamic "tracing_config" {
    for_each = var.settings.tracing ? ["Active"] : []

    content {
      mode = tracing_config.value
    }
  }

  dynamic "vpc_config" {
    for_each = var.settings.vpc == null ? [] : [var.settings.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = !local.uploaded || fileexists(local.package)
      error_message = "There is no ${local.package}: want the zip that make build writes; dist names its folder."
    }

    precondition {
      condition     = local.environment_size <= 4096
      error_message = "The environment of ${local.name} has ${local.environment_size} characters: want at most 4096, which is what Lambda takes; shorten extra_environment."
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  log_group_class   = var.settings.log_class
  retention_in_days = var.settings.log_retention_days
  kms_key_id        = var.settings.kms_key_arn
  tags              = var.settings.tags
}
