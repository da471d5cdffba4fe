# What make e2e installs: the module as its users call it, and two of them.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

# The endpoint, the Region and the credentials are in the environment.
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

variable "dist" {
  description = "Folder of the zips."
  type        = string
}

variable "endpoints" {
  description = "Variables AWS_ENDPOINT_URL_SERVICE: where the functions find what MiniStack lacks, by way of a recorder."
  type        = map(string)
}

module "tagalong" {
  source = "../.."

  name               = "tagalong-e2e"
  dist               = var.dist
  environments       = [{ environment = "prod", services = ["*"], repositories = ["shop/*"] }] # of the clusters below
  accounts           = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong-e2e" }]
  regions            = ["eu-west-1"]
  clusters           = ["prod-*"]
  repositories       = ["shop/*"]
  pipelines          = ["shop-*"]
  history_principals = [aws_iam_user.this["reader"].arn]
  event_bus          = aws_cloudwatch_event_bus.releases.name
  untag              = true

  deletion_protection = false # or there is no destroy
  tls_only_queues     = false # MiniStack speaks plain HTTP
  extra_environment   = var.endpoints
}

# Who hears what Tagalong announces.
resource "aws_cloudwatch_event_bus" "releases" {
  name = "releases"
}

resource "aws_cloudwatch_event_rule" "heard" {
  name           = "heard"
  event_bus_name = aws_cloudwatch_event_bus.releases.name
  event_pattern  = jsonencode({ source = ["tagalong"] })
}

resource "aws_cloudwatch_event_target" "heard" {
  rule           = aws_cloudwatch_event_rule.heard.name
  event_bus_name = aws_cloudwatch_event_bus.releases.name
  target_id      = "heard"
  arn            = aws_sqs_queue.heard.arn
}

resource "aws_sqs_queue" "heard" {
  name   = "heard"
  policy = data.aws_iam_policy_document.heard.json
}

data "aws_iam_policy_document" "heard" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = ["arn:aws:sqs:eu-west-1:${data.aws_caller_identity.this.account_id}:heard"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.heard.arn]
    }
  }
}

data "aws_caller_identity" "this" {}

# The reader may ask the history function; the stranger is the account's, too.
resource "aws_iam_user" "this" {
  for_each = toset(["reader", "stranger"])
  name     = each.key
}

resource "aws_iam_access_key" "this" {
  for_each = aws_iam_user.this
  user     = each.value.name
}

# The role of a pipeline that has the two actions. CodePipeline is not here, so
# that it is for the test to take it.
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_iam_role" "pipeline" {
  name               = "pipeline"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

module "actions" {
  source = "../../modules/codepipeline-actions"

  role_name     = aws_iam_role.pipeline.name
  function_arns = module.tagalong.function_arns
}

output "tagalong" {
  description = "Everything that the module gives."
  value       = module.tagalong
}

output "heard" {
  description = "URL of the queue for what Tagalong announces."
  value       = aws_sqs_queue.heard.url
}

output "pipeline_role" {
  description = "ARN of the pipeline's role."
  value       = aws_iam_role.pipeline.arn
}

output "keys" {
  description = "Access keys of the two, by their names."
  value       = { for name, key in aws_iam_access_key.this : name => { id = key.id, secret = key.secret } }
  sensitive   = true
}
