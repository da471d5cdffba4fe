output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "role_arn" {
  description = "ARN of its role."
  value       = aws_iam_role.this.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue for what it could not handle; null if it is called and waited for."
  value       = one(aws_sqs_queue.failed[*].url)
}

output "dead_letter_queue_name" {
  description = "Name of that queue."
  value       = one(aws_sqs_queue.failed[*].name)
}
