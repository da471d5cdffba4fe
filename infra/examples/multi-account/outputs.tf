output "table_name" {
  description = "For TAGALONG_TABLE of the command."
  value       = module.tagalong.table_name
}
