variable "partition" {
  description = "Partition of the account, such as aws."
  type        = string
  nullable    = false
}

variable "account" {
  description = "Account that is looked into."
  type        = string
  nullable    = false
}

variable "regions" {
  description = "Regions that may be looked into; patterns with * and ? are allowed."
  type        = list(string)
  nullable    = false
}

variable "clusters" {
  description = "Clusters that may be looked into; patterns with * and ? are allowed."
  type        = list(string)
  nullable    = false
}

variable "repositories" {
  description = "Repositories whose images may be read and tagged; patterns with * and ? are allowed."
  type        = list(string)
  nullable    = false
}

variable "pipelines" {
  description = "Pipelines that may be looked into; patterns with * and ? are allowed."
  type        = list(string)
  nullable    = false
}

variable "untag" {
  description = "Whether tags may be removed."
  type        = bool
  nullable    = false
}

variable "functions_watched" {
  description = "Whether Lambda functions may be looked at."
  type        = bool
  nullable    = false
}

variable "findings" {
  description = "Who may be asked what was found in images: inspector, ecr or nobody (null)."
  type        = string
}

variable "lifecycle_check" {
  description = "Whether lifecycle policies may be previewed."
  type        = bool
  nullable    = false
}
