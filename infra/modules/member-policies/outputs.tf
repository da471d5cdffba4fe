output "tag" {
  description = "What those may do that move tags, JSON."
  value       = data.aws_iam_policy_document.tag.json
}

output "read" {
  description = "What those may do that only read, JSON."
  value       = data.aws_iam_policy_document.read.json
}
