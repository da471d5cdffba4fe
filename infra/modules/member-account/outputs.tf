output "entry" {
  description = "What accounts of the main module lists for this account: the two roles, and what is covered. Regions are those that the variable names, or else this one."
  value = {
    account      = local.account
    role         = local.role_arns.tag
    reader       = local.role_arns.read
    regions      = coalescelist(distinct([for region in var.regions : region if !can(regex("[*?]", region))]), [local.region])
    clusters     = contains(var.clusters, "*") ? null : distinct(var.clusters)
    repositories = contains(var.repositories, "*") ? null : distinct(var.repositories)
  }
}

output "role_arn" {
  description = "Role that the functions assume which move tags."
  value       = local.role_arns.tag
}

output "reader_arn" {
  description = "Role that the functions assume which only read."
  value       = local.role_arns.read
}

output "account" {
  description = "Id of this account, for environments of the main module."
  value       = local.account
}

output "dead_letter_queue_url" {
  description = "URL of the queue for events that could not be forwarded."
  value       = aws_sqs_queue.undelivered.url
}
