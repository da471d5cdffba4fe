output "table_name" {
  description = "For TAGALONG_TABLE of the command."
  value       = module.tagalong.table_name
}

output "region" {
  description = "For AWS_REGION of the command."
  value       = module.tagalong.region
}

output "command" {
  description = "For a shell: eval \"$(terraform output -raw command)\""
  value       = module.tagalong.command
}

output "environments" {
  description = "The environment rules, as they are in the table."
  value       = module.tagalong.environments
}

output "accounts" {
  description = "The accounts, as they are in the table."
  value       = module.tagalong.accounts
}

output "history_url" {
  description = "Where questions are asked over HTTP."
  value       = module.tagalong.history_url
}
