output "whole" {
  description = "The patterns as they are in the files, JSON, by their names."
  value       = { for name, pattern in local.files : name => jsonencode(pattern) }
}

output "narrowed" {
  description = "The patterns of what is covered, JSON, by their names."
  value       = { for name, pattern in local.narrowed : name => jsonencode(pattern) }
}

output "function" {
  description = "The function that each pattern is for, by the pattern's name."
  value       = { for name in keys(local.files) : name => name == "task" ? "deployment" : name }
}
