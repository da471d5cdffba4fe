variable "name" {
  description = "Name of the function within the project, and of its zip."
  type        = string
  nullable    = false
}

variable "description" {
  description = "What the function does."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "Environment variables of its own; empty ones are left out."
  type        = map(string)
  nullable    = false
}

variable "policy" {
  description = "What the function may do, JSON; its logs and dead letters are added."
  type        = string
  nullable    = false
}

variable "settings" {
  description = "What all functions have in common. Without retries the function is called and waited for, and has no dead-letter queue; queued says that it is by a queue, which repeats what fails, so that no error raises an alarm."
  type = object({
    prefix               = string
    dist                 = string
    architecture         = string
    memory_size          = number
    timeout              = number
    log_level            = string
    log_retention_days   = number
    kms_key_arn          = optional(string)
    alarms               = bool
    alarm_actions        = list(string)
    tls_only_queues      = bool
    extra_environment    = map(string)
    reserved_concurrency = optional(number)
    queued               = optional(bool, false)
    retries              = optional(object({ maximum_age_seconds = number, attempts = number }))
    partition            = string
    dns_suffix           = string
    region               = string
    account              = string
    tags                 = map(string)
    role = optional(object({
      prefix               = optional(string, "")
      path                 = optional(string, "/")
      permissions_boundary = optional(string)
    }), {})
    s3                      = optional(object({ bucket = string, prefix = string }))
    code_signing_config_arn = optional(string)
    vpc                     = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
    tracing                 = optional(bool, false)
    log_class               = optional(string, "STANDARD")
  })
  nullable = false
}
