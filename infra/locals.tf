data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

# Any service will do: it tells the Region in every version of the provider,
# while aws_region has no attribute that both 5.x and 6.x are content with.
data "aws_service" "this" {
  service_id = "lambda"
}

# ARNs are composed and not read from resources, so that a plan shows every
# policy whole before anything exists.
locals {
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_service.this.region
  partition = data.aws_partition.this.partition

  table_name = var.name
  table_arn  = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${local.table_name}"
  own_events_arn = var.event_bus == null ? null : (
    startswith(var.event_bus, "arn:") ? var.event_bus : "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/${var.event_bus}"
  )
  alarm_actions = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  tags          = merge({ "managed-by" = "terraform", "module" = "tagalong" }, var.tags)
}

# What every function is given.
locals {
  function = {
    prefix               = var.name
    dist                 = local.dist
    architecture         = coalesce(var.architecture, local.build.architecture)
    memory_size          = var.memory_size
    timeout              = var.timeout
    log_level            = var.log_level
    log_retention_days   = var.log_retention_days
    kms_key_arn          = var.kms_key_arn
    alarms               = var.alarms
    alarm_actions        = local.alarm_actions
    tls_only_queues      = var.tls_only_queues
    extra_environment    = var.extra_environment
    reserved_concurrency = var.reserved_concurrency
    retries = {
      maximum_age_seconds = var.retries.function_hours * 3600
      attempts            = var.retries.function_attempts
    }
    partition  = local.partition
    dns_suffix = data.aws_partition.this.dns_suffix
    region     = local.region
    account    = local.account
    tags       = local.tags

    role                    = local.role
    s3                      = var.s3
    code_signing_config_arn = var.code_signing_config_arn
    vpc                     = var.vpc
    tracing                 = var.tracing
    log_class               = var.log_class
  }

  # As organizations want every role to be.
  role = {
    prefix               = var.role_name_prefix
    path                 = var.role_path
    permissions_boundary = var.permissions_boundary
  }

  # What make build says of the zips beside them.
  dist  = coalesce(var.dist, "${path.module}/../dist")
  build = try(jsondecode(file("${local.dist}/build.json")), { version = "", architecture = "arm64" })

  # A queue keeps and repeats what fails, so that Lambda has nothing to.
  function_of_queue = merge(local.function, { retries = null, queued = true })

  # Those that there are, and of these the ones that take events from a queue.
  functions = { for name, function in {
    deployment       = module.deployment
    pipeline         = one(module.pipeline)
    tagimage         = one(module.tagimage)
    imagedefinitions = one(module.imagedefinitions)
    history          = one(module.history)
    sweep            = module.sweep
  } : name => function if local.installed[name] }

  installed = merge(var.functions, { deployment = true, sweep = true })
  queued    = [for name in ["deployment", "pipeline"] : name if local.installed[name]]
}
