# What is installed.

variable "name" {
  description = "Begins the name of everything that is made."
  type        = string
  default     = "tagalong"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name \"${var.name}\": want 3 to 24 small letters, digits or hyphens, a letter first and no hyphen last."
  }
}

variable "tags" {
  description = "Tags of everything that is made, beside those of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "dist" {
  description = "Folder with the functions' zips, as `make build` writes them. The repository's own `dist` by default."
  type        = string
  default     = null

  validation {
    condition     = var.dist == null || var.dist != ""
    error_message = "dist \"\": want a folder with deployment.zip and the other functions' zips, or null for the repository's own."
  }
}

variable "architecture" {
  description = "Processor that the zips were built for: arm64 or x86_64. Null: what build.json beside them says, which make build writes; without it arm64."
  type        = string
  default     = null

  validation {
    condition     = var.architecture == null || contains(["arm64", "x86_64"], coalesce(var.architecture, "arm64"))
    error_message = "architecture \"${coalesce(var.architecture, "null")}\": want arm64, or x86_64 for zips of make build GOARCH=amd64."
  }
}

variable "s3" {
  description = "Bucket of this Region that has the functions' zips under their names (deployment.zip and so on), and what the keys begin with, such as tagalong/v1.2.3/. A new version needs a new prefix, since Terraform does not look into the bucket. Null: the zips are those of dist."
  type        = object({ bucket = string, prefix = optional(string, "") })
  default     = null

  validation {
    condition     = var.s3 == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.s3.bucket))
    error_message = "s3.bucket \"${try(var.s3.bucket, "null")}\": want the name of a bucket, such as shop-artifacts."
  }
}

variable "functions" {
  description = "Which functions there are beside deployment and sweep, which keep the ledger. Without pipeline rollouts have no release; tagimage and imagedefinitions are actions for CodePipeline; without history the command alone answers."
  type = object({
    pipeline         = optional(bool, true)
    tagimage         = optional(bool, true)
    imagedefinitions = optional(bool, true)
    history          = optional(bool, true)
  })
  default  = {}
  nullable = false
}

# What an organization wants of what is installed in it.

variable "role_name_prefix" {
  description = "Begins the names of the roles, before name, where an organization wants them to."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]*$", var.role_name_prefix)) && length(var.role_name_prefix) + length(var.name) <= 32
    error_message = "role_name_prefix \"${var.role_name_prefix}\": want letters, digits or any of _+=,.@-, and with name (${var.name}) 32 characters at most: IAM takes 64, of which function and Region need the rest."
  }
}

variable "role_path" {
  description = "Path of the roles."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/(?:[!-.0-~]+/)*$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path \"${var.role_path}\": want a path such as /platform/, or /."
  }
}

variable "permissions_boundary" {
  description = "Policy that bounds what every role may do, by its ARN; null for none. It has to allow what the functions need: SECURITY.md lists that."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws(?:-[a-z]+)*:iam::(?:[0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary \"${coalesce(var.permissions_boundary, "null")}\": want the ARN of a policy, such as arn:aws:iam::111122223333:policy/boundary."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the functions; null for none. They have to reach DynamoDB, ECR, ECS, STS and whatever else is asked of AWS, by endpoints or by a NAT gateway."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "vpc ${jsonencode(var.vpc)}: want at least one subnet and one security group."
  }
}

variable "code_signing_config_arn" {
  description = "Code signing configuration that every function's zip has to satisfy, by its ARN; null for none. The zips are then those that AWS Signer has signed, by s3 or dist."
  type        = string
  default     = null

  validation {
    condition     = var.code_signing_config_arn == null || can(regex("^arn:aws(?:-[a-z]+)*:lambda:[a-z0-9-]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "code_signing_config_arn \"${coalesce(var.code_signing_config_arn, "null")}\": want the ARN of a configuration, such as arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0123456789abcdef0."
  }
}

variable "tracing" {
  description = "Whether AWS X-Ray traces the functions' invocations."
  type        = bool
  default     = false
  nullable    = false
}

# What it watches.

variable "environments" {
  description = "Environment rules, the first that matches a service wins. Lists are globs over names, a missing one matches everything; of accounts, regions, clusters and services a rule names at least one, be it by a star. Services are those of ECS, of standalone tasks the families of their task definitions, and functions of Lambda; kinds (service, task, function) take some of them alone; a function lies in no cluster, which only a star matches, and has no environment without a rule. Repositories, by NAME or REGISTRY/NAME, select what its tags may be put on; a service moves tags in another account's registry only by a rule that names the service's account or the repositories. A tag that moves on may leave the image that ran before without any, for a lifecycle policy to delete: previousTags hold it. Terraform drops attributes that it does not know, such as cluster in place of clusters: look at the output environments. No rules at all: an environment is a cluster's name."
  type = list(object({
    environment  = string
    accounts     = optional(list(string))
    regions      = optional(list(string))
    clusters     = optional(list(string))
    services     = optional(list(string))
    kinds        = optional(list(string))
    repositories = optional(list(string))
    pipelines    = optional(list(string))
    stages       = optional(list(string))
    tags         = optional(list(string))
    previousTags = optional(list(string))
  }))
  default  = []
  nullable = false
}

variable "untag" {
  description = "Whether the sweep removes tags that it put for services that are gone. Never an image's last tag, since ECR deletes an image with it, and never where deletes are replicated."
  type        = bool
  default     = false
  nullable    = false
}

variable "functions_watched" {
  description = "Whether the sweep looks at Lambda functions that are made of images, so that where, find and in-use know them. Off by default, since whoever may ask Lambda for a function's image is shown its environment variables, too: the sweep keeps and logs the image alone. Clusters do not narrow it: functions lie in none."
  type        = bool
  default     = false
  nullable    = false
}

variable "findings" {
  description = "Who is asked what was found in the images that are in use, and in those that were within 90 days: inspector (Amazon Inspector, where it scans ECR) or ecr (the scans of ECR itself). By default nobody, and exposure knows nothing."
  type        = string
  default     = null

  validation {
    condition     = var.findings == null || contains(["inspector", "ecr"], coalesce(var.findings, "-"))
    error_message = "findings ${coalesce(var.findings, "-")}: want inspector, ecr or null."
  }
}

variable "lifecycle_check" {
  description = "Whether the sweep asks ECR once a day, by a preview, what each repository's lifecycle policy would expire or archive of what is in use. A preview changes nothing; a repository has one at a time."
  type        = bool
  default     = false
  nullable    = false
}

variable "accounts" {
  description = "Other accounts whose deployments are taken, each as output entry of modules/member-account has it: role is assumed there by the functions that move tags, reader (by default the same) by those that only read; regions are covered, by default the module's own, and of these the clusters and repositories that its globs name, by default all. They may send events to the bus of output event_bus_arn. Roles have to be known while planning. Our own account may be listed, without a role, to name its Regions."
  type = list(object({
    account      = string
    role         = optional(string)
    reader       = optional(string)
    regions      = optional(list(string))
    clusters     = optional(list(string))
    repositories = optional(list(string))
  }))
  default  = []
  nullable = false
}

variable "organization_id" {
  description = "AWS Organizations' id of the organization whose accounts may send to the bus for forwarded events, whichever accounts lists; null: those that accounts lists, one by one, of which a bus's policy takes some fifty."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id \"${coalesce(var.organization_id, "null")}\": want the id of an organization, such as o-a1b2c3d4e5."
  }
}

variable "promotions" {
  description = "Which pipelines' jobs may tag which repositories by the action tagimage: one entry has to allow both. Globs over names; a pipeline may have its account before it, such as 444455556666/checkout-*, and a repository its registry. Null: every pipeline of our own account and of those in accounts may tag all that is covered. An empty list: none may."
  type = list(object({
    pipelines    = optional(list(string))
    repositories = optional(list(string))
  }))
  default = null
}

variable "regions" {
  description = "Regions of our own account that are covered: whose clusters, repositories and pipelines the functions may look into. By their names the sweep looks into each; patterns with * and ? are allowed, and then it looks into the module's own. Events of others wake nothing."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z0-9*?-]+$", region))])
    error_message = "regions ${jsonencode(var.regions)}: want at least one AWS Region such as eu-west-1, or a pattern such as eu-*."
  }
}

variable "clusters" {
  description = "ECS clusters of our own account that are covered; patterns with * and ? are allowed. Events of others wake nothing, and the sweep skips them."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.clusters) > 0 && alltrue([for cluster in var.clusters : can(regex("^[A-Za-z0-9_*?-]{1,255}$", cluster))])
    error_message = "clusters ${jsonencode(var.clusters)}: want at least one name of a cluster such as prod, or a pattern such as prod-*."
  }
}

variable "repositories" {
  description = "ECR repositories whose images the functions may read and tag: names in our own account, or whole ARNs of repositories elsewhere whose policies allow it; patterns with * and ? are allowed. Images of others are recorded, and left alone."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition = length(var.repositories) > 0 && alltrue([
      for repository in var.repositories :
      can(regex("^(?:arn:aws(?:-[a-z]+)*:ecr:[a-z0-9*?-]+:[0-9]{12}:repository/)?[a-z0-9._/*?-]{1,256}$", repository)) &&
      !strcontains(repository, ".dkr.ecr.")
    ])
    error_message = "repositories ${jsonencode(var.repositories)}: want at least one name such as shop/api, a pattern such as shop/*, or the ARN of a repository of another account; not an image's address."
  }
}

variable "pipelines" {
  description = "CodePipeline pipelines of our own account that the functions may look into, and whose events wake them; patterns with * and ? are allowed."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.pipelines) > 0 && alltrue([for pipeline in var.pipelines : can(regex("^[A-Za-z0-9.@_*?-]{1,100}$", pipeline))])
    error_message = "pipelines ${jsonencode(var.pipelines)}: want at least one name of a pipeline such as shop-release, or a pattern such as shop-*."
  }
}

# What it keeps.

variable "retention_days" {
  description = "Days that closed rows of the ledger are kept; null is for ever. Taken back, nothing expires any more; set again, rows written under an earlier retention go by the date that they got then."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null || try(var.retention_days >= 1 && var.retention_days <= 36500 && floor(var.retention_days) == var.retention_days, false)
    error_message = "retention_days ${coalesce(var.retention_days, 0)}: want whole days from 1 to 36500, or null to keep everything."
  }
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted. Set it to false and apply before a destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "point_in_time_recovery" {
  description = "Whether the table can be restored to any second of the last 35 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "Customer managed key for everything that takes one: the table, the queues, the logs, the functions' environment, the schedule and the bus for forwarded events. Its policy must let the events, logs and dynamodb services use it (examples/complete). Null: keys that AWS owns."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws(?:-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn \"${coalesce(var.kms_key_arn, "null")}\": want the ARN of a key, such as arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab (no alias)."
  }
}

variable "on_demand_limits" {
  description = "Read and write units a second that the table, and each of its indexes, takes at most, so that nothing can run up a bill; null for AWS's own limits. What is refused is tried again. A sweep of 1,000 services reads some thousands of units within a minute."
  type        = object({ read = number, write = number })
  default     = null

  validation {
    condition     = var.on_demand_limits == null || try(alltrue([for limit in values(var.on_demand_limits) : limit >= 100 && floor(limit) == limit]), false)
    error_message = "on_demand_limits ${jsonencode(var.on_demand_limits)}: want whole units a second, at least 100 of each."
  }
}

variable "log_class" {
  description = "Class of the functions' log groups. Metrics are lines of the log that only STANDARD takes for metrics, so that INFREQUENT_ACCESS is for those who want neither alarms nor dashboard. AWS cannot change the class of a group: another one makes it anew."
  type        = string
  default     = "STANDARD"
  nullable    = false

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
  validation {
    condition     = var.log_class == "STANDARD" || var.log_class == "INFREQUENT_ACCESS" && !var.alarms && !var.dashboard
    error_message = "log_class \"${var.log_class}\": want STANDARD, or INFREQUENT_ACCESS without alarms and dashboard: it makes no metrics."
  }
}

variable "log_retention_days" {
  description = "Days that the functions' logs are kept; 0 is for ever."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days ${var.log_retention_days}: want a retention of CloudWatch Logs: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or 0 for ever."
  }
}

# How the functions run.

variable "log_level" {
  description = "How much the functions log: debug, info, warn or error."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = contains(["debug", "info", "warn", "error"], var.log_level)
    error_message = "log_level \"${var.log_level}\": want debug, info, warn or error."
  }
}

variable "memory_size" {
  description = "Memory of each function in MB. 256 runs as fast as a whole core."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size ${var.memory_size}: want whole MB from 128 to 10240."
  }
}

variable "timeout" {
  description = "Seconds that a function may take for a batch of events. It usually takes less than one; the rest is for retries of throttled calls. What fails comes again after six times as long, and at least five minutes."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.timeout >= 10 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "timeout ${var.timeout}: want whole seconds from 10 to 900."
  }
}

variable "sweep_schedule" {
  description = "How often the sweep looks through all that runs: rate(…) or cron(…) of EventBridge Scheduler."
  type        = string
  default     = "rate(1 hour)"
  nullable    = false

  validation {
    condition     = can(regex("^(?:rate\\([1-9][0-9]* (?:minute|hour|day)s?\\)|cron\\([^()]+\\))$", var.sweep_schedule))
    error_message = "sweep_schedule \"${var.sweep_schedule}\": want a rate such as rate(1 hour), or a cron expression such as cron(0 3 * * ? *)."
  }
}

variable "sweep_timeout" {
  description = "Seconds that one sweep may take. What it does not get to the next one does: at the rates that AWS allows that is some ten thousand services."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.sweep_timeout >= 60 && var.sweep_timeout <= 900 && floor(var.sweep_timeout) == var.sweep_timeout
    error_message = "sweep_timeout ${var.sweep_timeout}: want whole seconds from 60 to 900."
  }
}

variable "pending_after" {
  description = "When the sweep calls a rollout or a tag overdue, such as 1h or 90m."
  type        = string
  default     = "1h"
  nullable    = false

  validation {
    condition     = can(regex("^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|h|m|s))+$", var.pending_after)) && can(regex("[1-9]", var.pending_after))
    error_message = "pending_after \"${var.pending_after}\": want a duration above zero, such as 1h or 90m."
  }
}

variable "maximum_concurrency" {
  description = "How many batches of ten events are handled at once, for deployment and for pipeline each. Five is what Lambda begins with. Two already use up the ten puts a second that ECR allows; up to ten help where single events wait long, such as for an account that does not answer; with twenty events wait for their puts until their time is over, and come again later."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000 && floor(var.maximum_concurrency) == var.maximum_concurrency
    error_message = "maximum_concurrency ${var.maximum_concurrency}: want a whole number from 2 to 1000, which is what Lambda takes."
  }
}

variable "reserved_concurrency" {
  description = "Concurrency reserved for each function that takes events, which is also its limit, so that it is at least maximum_concurrency; for the sweep it is 1. Null reserves none: a small account has none to give."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency, false)
    error_message = "reserved_concurrency ${coalesce(var.reserved_concurrency, 0)}: want a whole number from 1, or null to reserve none."
  }

  # What Lambda has no room for would count as a try.
  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= var.maximum_concurrency, false)
    error_message = "reserved_concurrency ${coalesce(var.reserved_concurrency, 0)}: want at least maximum_concurrency, ${var.maximum_concurrency}."
  }
}

variable "retries" {
  description = "How long is tried again what no queue holds: hours and attempts of EventBridge until an event's queue has taken it; hours and further attempts of Lambda until an action has answered its CodePipeline job."
  type = object({
    event_hours       = optional(number, 24)
    event_attempts    = optional(number, 185)
    function_hours    = optional(number, 6)
    function_attempts = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.retries) : floor(value) == value])
    error_message = "retries ${jsonencode(var.retries)}: want whole hours and attempts."
  }

  validation {
    condition     = var.retries.event_hours >= 1 && var.retries.event_hours <= 24 && var.retries.event_attempts >= 0 && var.retries.event_attempts <= 185
    error_message = "retries: event_hours ${var.retries.event_hours}, event_attempts ${var.retries.event_attempts}: want 1 to 24 hours and 0 to 185 attempts."
  }

  validation {
    condition     = var.retries.function_hours >= 1 && var.retries.function_hours <= 6 && var.retries.function_attempts >= 0 && var.retries.function_attempts <= 2
    error_message = "retries: function_hours ${var.retries.function_hours}, function_attempts ${var.retries.function_attempts}: want 1 to 6 hours and 0 to 2 attempts."
  }
}

variable "extra_environment" {
  description = "Further environment variables of every function, such as AWS_USE_FIPS_ENDPOINT. Variables of the module's own win."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.extra_environment) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !startswith(name, "TAGALONG_")])
    error_message = "extra_environment ${jsonencode(keys(var.extra_environment))}: want names of letters, digits and underscores, a letter first; TAGALONG_ variables are set by the module's other variables."
  }

  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html; those that
  # begin with an underscore are refused above.
  validation {
    condition = alltrue([for name in keys(var.extra_environment) :
      !can(regex("^(?:AWS_(?:REGION|DEFAULT_REGION|ACCESS_KEY|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|EXECUTION_ENV|LAMBDA_.*)|LAMBDA_.*)$", name))
    ])
    error_message = "extra_environment ${jsonencode(keys(var.extra_environment))}: want none that Lambda sets itself, such as AWS_REGION, AWS_ACCESS_KEY_ID, AWS_LAMBDA_… and LAMBDA_…: it refuses the function."
  }
}

# Who may ask, and who is told.

variable "history_principals" {
  description = "Who may call the history function by its URL, beside those of our own account whose policies say so: accounts (12 digits) or ARNs of roles and users."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for principal in var.history_principals :
      can(regex("^(?:[0-9]{12}|arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:(?:root|(?:role|user)/[A-Za-z0-9_+=,.@/-]+))$", principal))
    ])
    error_message = "history_principals ${jsonencode(var.history_principals)}: want accounts of 12 digits, or ARNs of roles or users such as arn:aws:iam::111122223333:role/scanner; not everybody."
  }
}

variable "history_url" {
  description = "Whether the history function has a URL. Where a policy of the organization forbids these, history_api is the other way."
  type        = bool
  default     = true
  nullable    = false
}

variable "history_api" {
  description = "Whether an HTTP API answers as the history function's URL does, to those of our own account whose policies allow execute-api:Invoke."
  type        = bool
  default     = false
  nullable    = false
}

variable "event_bus" {
  description = "Event bus that gets Tagalong's own events, for chat and other tools: a name in our own account and Region, or the ARN of any whose policy lets the functions send. Null sends none."
  type        = string
  default     = null

  validation {
    condition     = var.event_bus == null || can(regex("^(?:arn:aws(?:-[a-z]+)*:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._-]{1,256}$", var.event_bus))
    error_message = "event_bus \"${coalesce(var.event_bus, "null")}\": want the name of an event bus such as default, or its ARN such as arn:aws:events:eu-west-1:111122223333:event-bus/releases; a partner's bus takes no events."
  }
}

variable "chat_topic_arn" {
  description = "SNS topic that gets rollouts, drift and exposures in the form that Amazon Q Developer in chat applications shows; null for none. The topic's policy has to let events.amazonaws.com publish. Needs event_bus, a bus of our own account and Region."
  type        = string
  default     = null

  validation {
    condition     = var.chat_topic_arn == null || can(regex("^arn:aws(?:-[a-z]+)*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.chat_topic_arn))
    error_message = "chat_topic_arn \"${coalesce(var.chat_topic_arn, "null")}\": want the ARN of a standard topic, such as arn:aws:sns:eu-west-1:111122223333:releases."
  }

  validation {
    condition     = var.chat_topic_arn == null || var.event_bus != null && !startswith(coalesce(var.event_bus, "-"), "arn:")
    error_message = "chat_topic_arn: want event_bus with it, the name of a bus of our own account and Region, since the rule stands there."
  }
}

variable "api_destination_arn" {
  description = "API destination of EventBridge that gets rollouts, drift and exposures, each as one flat JSON object: of a rollout one for each container; null for none. Its connection holds the credentials. Needs event_bus, a bus of our own account and Region."
  type        = string
  default     = null

  validation {
    condition     = var.api_destination_arn == null || can(regex("^arn:aws(?:-[a-z]+)*:events:[a-z0-9-]+:[0-9]{12}:api-destination/[A-Za-z0-9._-]+(?:/[0-9a-f-]+)?$", var.api_destination_arn))
    error_message = "api_destination_arn \"${coalesce(var.api_destination_arn, "null")}\": want the ARN of an API destination, such as arn:aws:events:eu-west-1:111122223333:api-destination/deployments/1234abcd-12ab-34cd-56ef-1234567890ab."
  }

  validation {
    condition     = var.api_destination_arn == null || var.event_bus != null && !startswith(coalesce(var.event_bus, "-"), "arn:")
    error_message = "api_destination_arn: want event_bus with it, the name of a bus of our own account and Region, since the rules stand there."
  }
}

variable "alarms" {
  description = "Whether there are alarms: dead letters, events that wait long, errors, throttles, drift, blocked and missing tags."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_topic_arn" {
  description = "SNS topic that hears of alarms and of their end; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:aws(?:-[a-z]+)*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn \"${coalesce(var.alarm_topic_arn, "null")}\": want the ARN of a standard topic, such as arn:aws:sns:eu-west-1:111122223333:oncall."
  }
}

variable "dashboard" {
  description = "Whether there is a CloudWatch dashboard."
  type        = bool
  default     = true
  nullable    = false
}

# For emulators.

variable "tls_only_queues" {
  description = "Whether the queues refuse requests without TLS. False only for an emulator of AWS that speaks plain HTTP."
  type        = bool
  default     = true
  nullable    = false
}
