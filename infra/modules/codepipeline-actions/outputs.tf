output "policy" {
  description = "The policy, JSON."
  value       = data.aws_iam_policy_document.this.json
}
