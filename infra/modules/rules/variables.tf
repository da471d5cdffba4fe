variable "environments" {
  description = "Environment rules, as the main module takes them."
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
  nullable = false
}

variable "accounts" {
  description = "Accounts, as the main module takes them."
  type = list(object({
    account      = string
    role         = optional(string)
    reader       = optional(string)
    regions      = optional(list(string))
    clusters     = optional(list(string))
    repositories = optional(list(string))
  }))
  nullable = false
}

variable "promotions" {
  description = "Promotions, as the main module takes them; null is none."
  type = list(object({
    pipelines    = optional(list(string))
    repositories = optional(list(string))
  }))
  default = null
}

variable "own_account" {
  description = "Id of our own account, which needs no role."
  type        = string
  nullable    = false
}
