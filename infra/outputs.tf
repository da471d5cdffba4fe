output "table_name" {
  description = "The ledger's table, for TAGALONG_TABLE of the command."
  value       = aws_dynamodb_table.ledger.name
}

output "region" {
  description = "Region of the installation, for AWS_REGION of the command."
  value       = local.region
}

output "command" {
  description = "What the command needs in a shell, beside credentials; rules and accounts it takes from the table."
  value = join("", [for name, value in merge(local.environment, { AWS_REGION = local.region }) :
    "export ${name}='${value}'\n" if value != "" && !contains(["TAGALONG_ENVIRONMENTS", "TAGALONG_ACCOUNTS", "TAGALONG_LOG_LEVEL"], name)
  ])
}

output "table_arn" {
  description = "ARN of the ledger's table."
  value       = aws_dynamodb_table.ledger.arn
}

output "function_arns" {
  description = "ARNs of the functions that there are, by their names."
  value       = { for name, function in local.functions : name => function.arn }
}

output "role_arns" {
  description = "ARNs of the functions' roles, by function."
  value       = { for name, function in local.functions : name => function.role_arn }
}

output "history_url" {
  description = "URL of the history function; requests are signed for the service lambda (SigV4). Null if there is none."
  value       = one(aws_lambda_function_url.history[*].function_url)
}

output "history_api_url" {
  description = "URL of the HTTP API; requests are signed for the service execute-api (SigV4). Null if there is none."
  value       = one(aws_apigatewayv2_api.history[*].api_endpoint)
}

output "dead_letter_queue_urls" {
  description = "URLs of the dead-letter queues: undelivered for events that no queue took, events for those that failed for a day, and by function what it was called for and could not do."
  value = merge(
    { undelivered = aws_sqs_queue.undelivered.url, events = aws_sqs_queue.failed.url },
    { for name, function in local.functions : name => function.dead_letter_queue_url if function.dead_letter_queue_url != null },
  )
}

output "queue_arns" {
  description = "ARNs of the queues in which events wait, by function."
  value       = { for name, queue in aws_sqs_queue.events : name => queue.arn }
}

output "rule_arns" {
  description = "ARNs of the EventBridge rules, by the function that their events are for; of those for forwarded events the names end in -forwarded."
  value       = { for name, rule in aws_cloudwatch_event_rule.this : name => rule.arn }
}

output "event_bus_arn" {
  description = "ARN of the event bus to which member accounts and other Regions forward; null if none are listed in accounts."
  value       = local.forwarding ? local.bus_arn : null
}

output "environments" {
  description = "The environment rules, as the functions read them and as they are in the table."
  value       = local.documents.environments

  # Here and not in the variable, since a validation can list what is wrong only
  # by working it all out again for its message.
  precondition {
    condition     = length(module.rules.environment_problems) == 0
    error_message = join("\n", module.rules.environment_problems)
  }
}

output "promotions" {
  description = "Which pipelines' jobs may tag which repositories, as the function tagimage reads it; null where all may."
  value       = lookup(local.documents, "promotions", null)

  precondition {
    condition     = length(module.rules.promotion_problems) == 0
    error_message = join("\n", module.rules.promotion_problems)
  }
}

output "accounts" {
  description = "The accounts, as the functions read them and as they are in the table."
  value       = local.documents.accounts

  precondition {
    condition     = length(module.rules.account_problems) == 0
    error_message = join("\n", module.rules.account_problems)
  }

  precondition {
    condition     = local.own_entry == null ? true : local.own_entry.clusters == null && local.own_entry.repositories == null
    error_message = "accounts: ${local.account} is our own account: want its clusters and repositories in the variables of these names, which its events and the functions' policies go by, too."
  }

  precondition {
    condition     = length(local.uncovered_regions) == 0
    error_message = "regions ${jsonencode(var.regions)}: want one that takes in ${join(", ", local.uncovered_regions)}, which the functions cover."
  }
}
