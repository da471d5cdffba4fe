output "table_name" {
  description = "For TAGALONG_TABLE of the command."
  value       = module.tagalong.table_name
}

output "history_url" {
  description = "Where questions are asked over HTTP."
  value       = module.tagalong.history_url
}

output "dead_letter_queue_urls" {
  description = "Where events wait that could not be handled."
  value       = module.tagalong.dead_letter_queue_urls
}
