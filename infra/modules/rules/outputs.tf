output "environment_problems" {
  description = "What is wrong with the rules, a sentence each."
  value       = local.rule_problems
}

output "promotion_problems" {
  description = "What is wrong with the promotions, a sentence each."
  value       = local.promotion_problems
}

output "account_problems" {
  description = "What is wrong with the accounts, a sentence each."
  value       = local.account_problems
}
