output "whole" {
  description = "The patterns as they are in the files, JSON, by function."
  value       = { for name, pattern in local.files : name => jsonencode(pattern) }
}

output "narrowed" {
  description = "The patterns of what is covered, JSON, by function."
  value       = { for name, pattern in local.narrowed : name => jsonencode(pattern) }
}
