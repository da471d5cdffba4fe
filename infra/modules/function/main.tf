locals {
  name         = "${var.settings.prefix}-${var.name}"
  log_group    = "/aws/lambda/${local.name}"
  package      = "${var.settings.dist}/${var.name}.zip"
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
  filename                       = local.package
  source_code_hash               = fileexists(local.package) ? filebase64sha256(local.package) : null
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.settings.architecture]
  memory_size                    = var.settings.memory_size
  timeout                        = var.settings.timeout
  reserved_concurrent_executions = coalesce(var.settings.reserved_concurrency, -1) # -1 is none
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

  lifecycle {
    precondition {
      condition     = fileexists(local.package)
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
  retention_in_days = var.settings.log_retention_days
  kms_key_id        = var.settings.kms_key_arn
  tags              = var.settings.tags
}
