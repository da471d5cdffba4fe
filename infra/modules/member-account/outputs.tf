output "role_arn" {
  description = "Role that the functions assume, for accounts of the main module."
  value       = "arn:${local.partition}:iam::${local.account}:role/${var.name}"
}

output "account" {
  description = "Id of this account, for accounts of the main module."
  value       = local.account
}

output "dead_letter_queue_url" {
  description = "URL of the queue for events that could not be forwarded."
  value       = aws_sqs_queue.undelivered.url
}
