variable "name" {
  description = "Begins the name of everything that is made."
  type        = string
  default     = "tagalong"
}

variable "environments" {
  description = "Environment rules, the first that matches wins."
  type = list(object({
    environment  = string
    accounts     = optional(list(string))
    regions      = optional(list(string))
    clusters     = optional(list(string))
    services     = optional(list(string))
    pipelines    = optional(list(string))
    stages       = optional(list(string))
    tags         = optional(list(string))
    previousTags = optional(list(string))
  }))
  default = [
    { environment = "prod", clusters = ["prod", "prod-*"], tags = ["{environment}", "{environment}-{service}"] },
    { environment = "staging", clusters = ["staging", "staging-*"] },
  ]
}

variable "clusters" {
  description = "ECS clusters that the functions may look into."
  type        = list(string)
  default     = ["*"]
}

variable "repositories" {
  description = "ECR repositories whose images the functions may read and tag."
  type        = list(string)
  default     = ["*"]
}

variable "retention_days" {
  description = "Days that closed rows of the ledger are kept; null is for ever."
  type        = number
  default     = 730
}

variable "history_principals" {
  description = "Who may ask by URL, such as the role of a scanner."
  type        = list(string)
  default     = []
}

variable "pipeline_role_names" {
  description = "Roles of pipelines that may call the actions tagimage and imagedefinitions."
  type        = set(string)
  default     = []
}

variable "alarm_email" {
  description = "Who is written to on alarms; null for nobody."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Processor that the zips were built for: arm64 or x86_64; null for what make build wrote beside them."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the ledger's table refuses to be deleted."
  type        = bool
  default     = true
}
