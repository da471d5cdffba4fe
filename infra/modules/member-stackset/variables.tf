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
  description = "Roles that look into the accounts, by function: output role_arns of the module. Those of history and imagedefinitions may take the role that only reads, any other the one that moves tags: add the role of people who sweep by hand under any name."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.role_arns) > 0 && alltrue([for arn in values(var.role_arns) : can(regex("^arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role/.+$", arn))])
    error_message = "role_arns ${jsonencode(var.role_arns)}: want the ARNs of the functions' roles, by function."
  }
}

variable "organizational_unit_ids" {
  description = "Organizational units whose accounts are taken, those included that join them later; the root's id takes all. Of the management account a StackSet makes no stack: call modules/member-account there."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.organizational_unit_ids) > 0 && alltrue([for id in var.organizational_unit_ids : can(regex("^(?:ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$", id))])
    error_message = "organizational_unit_ids ${jsonencode(var.organizational_unit_ids)}: want ids such as ou-ab12-11111111, or that of the root such as r-ab12."
  }
}

variable "regions" {
  description = "Regions of the accounts whose events are forwarded, and which may be looked into, by their names. The roles are made in the first."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2,}(?:-[a-z]+)+-[0-9]$", region))])
    error_message = "regions ${jsonencode(var.regions)}: want at least one name of an AWS Region such as eu-west-1."
  }
}

variable "delegated_admin" {
  description = "Whether each account is a delegated administrator of StackSets; false for the management account."
  type        = bool
  default     = true
  nullable    = false
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
  description = "Begins the names of the roles, before name, where an organization wants them to."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]*$", var.role_name_prefix)) && length(var.role_name_prefix) + length(var.name) <= 41
    error_message = "role_name_prefix \"${var.role_name_prefix}\": want letters, digits or any of _+=,.@-, and with name (${var.name}) 41 characters at most: IAM takes 64, of which a Region needs the rest."
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
  description = "Name of a policy, with its path, that bounds what every role may do and is in each account; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^[A-Za-z0-9_+=,.@/-]{1,512}$", var.permissions_boundary))
    error_message = "permissions_boundary \"${coalesce(var.permissions_boundary, "null")}\": want the name of a policy such as platform/boundary, not its ARN: each account has its own."
  }
}

variable "clusters" {
  description = "ECS clusters of the accounts that may be looked into, and whose events are forwarded; patterns with * and ? are allowed."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.clusters) > 0 && alltrue([for cluster in var.clusters : can(regex("^[A-Za-z0-9_*?-]{1,255}$", cluster))])
    error_message = "clusters ${jsonencode(var.clusters)}: want at least one name of a cluster such as prod, or a pattern such as prod-*."
  }
}

variable "repositories" {
  description = "ECR repositories of the accounts whose images may be read and tagged; patterns with * and ? are allowed."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for repository in var.repositories : can(regex("^[a-z0-9._/*?-]{1,256}$", repository))])
    error_message = "repositories ${jsonencode(var.repositories)}: want at least one name such as shop/api, or a pattern such as shop/*."
  }
}

variable "pipelines" {
  description = "CodePipeline pipelines of the accounts that may be looked into, and whose events are forwarded; patterns with * and ? are allowed."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.pipelines) > 0 && alltrue([for pipeline in var.pipelines : can(regex("^[A-Za-z0-9.@_*?-]{1,100}$", pipeline))])
    error_message = "pipelines ${jsonencode(var.pipelines)}: want at least one name of a pipeline such as shop-release, or a pattern such as shop-*."
  }
}

variable "lifecycle_check" {
  description = "Whether lifecycle policies may be previewed there, as lifecycle_check of the main module says."
  type        = bool
  default     = false
  nullable    = false
}

variable "functions_watched" {
  description = "Whether Lambda functions that are made of images may be looked at there, as functions_watched of the main module says."
  type        = bool
  default     = false
  nullable    = false
}

variable "findings" {
  description = "Who may be asked there what was found in images, as findings of the main module says: inspector, ecr or null."
  type        = string
  default     = null

  validation {
    condition     = var.findings == null || contains(["inspector", "ecr"], coalesce(var.findings, "-"))
    error_message = "findings ${coalesce(var.findings, "-")}: want inspector, ecr or null."
  }
}

variable "untag" {
  description = "Whether tags of services that are gone may be removed there, as untag of the main module says."
  type        = bool
  default     = false
  nullable    = false
}
