variable "event_bus_arn" {
  description = "Event bus of the account that Tagalong is installed in: output event_bus_arn of the module."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws(?:-[a-z]+)*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9/._-]+$", var.event_bus_arn))
    error_message = "event_bus_arn \"${var.event_bus_arn}\": want the ARN of an event bus, such as arn:aws:events:eu-west-1:111122223333:event-bus/tagalong-forwarded."
  }
}

variable "role_arns" {
  description = "Roles that look into this account, by function: output role_arns of the module. Those of history and imagedefinitions may take the role that only reads, any other the one that moves tags: add the role of people who sweep by hand under any name."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.role_arns) > 0 && alltrue([for arn in values(var.role_arns) : can(regex("^arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role/.+$", arn))])
    error_message = "role_arns ${jsonencode(var.role_arns)}: want the ARNs of the functions' roles, by function."
  }
}

variable "name" {
  description = "Begins the name of everything that is made, and is the name of the role that moves tags; that which only reads is NAME-read."
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

variable "create_role" {
  description = "Whether to make the roles. A role is of the whole account: false in all Regions of an account but one."
  type        = bool
  default     = true
  nullable    = false
}

variable "regions" {
  description = "Regions of this account that may be looked into, and are covered by their names; patterns with * and ? are allowed."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z0-9*?-]+$", region))])
    error_message = "regions ${jsonencode(var.regions)}: want at least one AWS Region such as eu-west-1, or a pattern such as eu-*."
  }
}

variable "clusters" {
  description = "ECS clusters of this account that may be looked into, and whose events are forwarded; patterns with * and ? are allowed."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.clusters) > 0 && alltrue([for cluster in var.clusters : can(regex("^[A-Za-z0-9_*?-]{1,255}$", cluster))])
    error_message = "clusters ${jsonencode(var.clusters)}: want at least one name of a cluster such as prod, or a pattern such as prod-*."
  }
}

variable "repositories" {
  description = "ECR repositories of this account whose images may be read and tagged; patterns with * and ? are allowed."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for repository in var.repositories : can(regex("^[a-z0-9._/*?-]{1,256}$", repository))])
    error_message = "repositories ${jsonencode(var.repositories)}: want at least one name such as shop/api, or a pattern such as shop/*."
  }
}

variable "pipelines" {
  description = "CodePipeline pipelines of this account that may be looked into, and whose events are forwarded; patterns with * and ? are allowed."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.pipelines) > 0 && alltrue([for pipeline in var.pipelines : can(regex("^[A-Za-z0-9.@_*?-]{1,100}$", pipeline))])
    error_message = "pipelines ${jsonencode(var.pipelines)}: want at least one name of a pipeline such as shop-release, or a pattern such as shop-*."
  }
}

variable "untag" {
  description = "Whether tags of services that are gone may be removed here, as untag of the main module says."
  type        = bool
  default     = false
  nullable    = false
}

variable "alarms" {
  description = "Whether there are alarms: events that could not be forwarded, and events that are lost."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_topic_arn" {
  description = "SNS topic of this account and Region that hears of alarms and of their end; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:aws(?:-[a-z]+)*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn \"${coalesce(var.alarm_topic_arn, "null")}\": want the ARN of a standard topic, such as arn:aws:sns:eu-west-1:444455556666:oncall."
  }
}
