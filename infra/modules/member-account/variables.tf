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
  description = "Begins the name of everything that is made, and after role_name_prefix, is the name of the role that moves tags; that which only reads is NAME-read."
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

variable "role_name_prefix" {
  description = "Begins the names of the roles, before name, where an organization wants them to; output entry has it."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]*$", var.role_name_prefix)) && length(var.role_name_prefix) + length(var.name) <= 41
    error_message = "role_name_prefix \"${var.role_name_prefix}\": want letters, digits or any of _+=,.@-, and with name (${var.name}) 41 characters at most: IAM takes 64, of which a Region needs the rest."
  }
}

variable "role_path" {
  description = "Path of the roles; output entry has it."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/(?:[!-.0-~]+/)*$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path \"${var.role_path}\": want a path such as /platform/, or /."
  }
}

variable "permissions_boundary" {
  description = "Policy of this account that bounds what every role may do, by its ARN; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws(?:-[a-z]+)*:iam::(?:[0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary \"${coalesce(var.permissions_boundary, "null")}\": want the ARN of a policy, such as arn:aws:iam::444455556666:policy/boundary."
  }
}

variable "kms_key_arn" {
  description = "Customer managed key of this Region for the queue; its policy must let the events service use it. Null: the key is SQS's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws(?:-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn \"${coalesce(var.kms_key_arn, "null")}\": want the ARN of a key, such as arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab (no alias)."
  }
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

variable "lifecycle_check" {
  description = "Whether lifecycle policies may be previewed here, as lifecycle_check of the main module says."
  type        = bool
  default     = false
  nullable    = false
}

variable "functions_watched" {
  description = "Whether Lambda functions that are made of images may be looked at here, as functions_watched of the main module says."
  type        = bool
  default     = false
  nullable    = false
}

variable "findings" {
  description = "Who may be asked here what was found in images, as findings of the main module says: inspector, ecr or null."
  type        = string
  default     = null

  validation {
    condition     = var.findings == null || contains(["inspector", "ecr"], coalesce(var.findings, "-"))
    error_message = "findings ${coalesce(var.findings, "-")}: want inspector, ecr or null."
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
