variable "partition" {
  description = "Partition of the account, such as aws."
  type        = string
  nullable    = false
}

variable "account" {
  description = "Account whose events are taken."
  type        = string
  nullable    = false
}

variable "regions" {
  description = "Regions that are covered, by their names; null is all."
  type        = list(string)
}

variable "clusters" {
  description = "Clusters that are covered; patterns with * and ? are allowed."
  type        = list(string)
  nullable    = false
}

variable "pipelines" {
  description = "Pipelines that are covered; patterns with * and ? are allowed."
  type        = list(string)
  nullable    = false
}
