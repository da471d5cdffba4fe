variable "organization_id" {
  description = "Id of the organization, such as o-a1b2c3d4e5."
  type        = string
}

variable "organizational_unit_ids" {
  description = "Units whose accounts are taken."
  type        = list(string)
}

variable "accounts" {
  description = "Ids of these accounts, as aws organizations list-accounts-for-parent has them."
  type        = list(string)
}

variable "regions" {
  description = "Regions in which services run."
  type        = list(string)
}

variable "environments" {
  description = "Environment rules, the first that matches wins. One registry for all accounts needs rules that name them."
  type = list(object({
    environment  = string
    accounts     = optional(list(string))
    regions      = optional(list(string))
    clusters     = optional(list(string))
    services     = optional(list(string))
    repositories = optional(list(string))
    tags         = optional(list(string))
    previousTags = optional(list(string))
  }))
  default = [{ environment = "prod", clusters = ["prod", "prod-*"] }, { environment = "staging", clusters = ["staging", "staging-*"] }]
}
