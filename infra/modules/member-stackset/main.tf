# What modules/member-account makes, in every account of organizational units, those included
# that join them later: the same patterns and the same policies, with CloudFormation's
# placeholders for account and Region. TestPlanOfAStackSet holds both together.
data "aws_partition" "this" {}

locals {
  partition  = data.aws_partition.this.partition
  account    = "$${AWS::AccountId}"
  region     = "$${AWS::Region}"
  queue_name = "${var.name}-undelivered"
  queue_arn  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.queue_name}"
  tags       = [for key, value in merge({ "managed-by" = "terraform", "module" = "tagalong" }, var.tags) : { Key = key, Value = value }]
}

module "patterns" {
  source = "../patterns"

  partition = local.partition
  account   = local.account
  regions   = [local.region]
  clusters  = var.clusters
  pipelines = var.pipelines
}

module "policies" {
  source = "../member-policies"

  partition         = local.partition
  account           = local.account
  regions           = var.regions
  clusters          = var.clusters
  repositories      = var.repositories
  pipelines         = var.pipelines
  functions_watched = var.functions_watched
  untag             = var.untag
  findings          = var.findings
  lifecycle_check   = var.lifecycle_check
}

locals {
  readers    = ["history", "imagedefinitions"]
  role_names = { tag = "${var.role_name_prefix}${var.name}", read = "${var.role_name_prefix}${var.name}-read" }
  trusted = {
    tag  = [for function, arn in var.role_arns : arn if !contains(local.readers, function)]
    read = [for function, arn in var.role_arns : arn if contains(local.readers, function)]
  }
  policies = { tag = module.policies.tag, read = module.policies.read }

  # Of every role: what an organization wants of it.
  bounded = merge(
    { Path = var.role_path, Tags = local.tags },
    var.permissions_boundary == null ? {} : { PermissionsBoundary = "arn:${local.partition}:iam::${local.account}:policy/${var.permissions_boundary}" },
  )

  # Roles are of the whole account: one Region of it makes them.
  roles = { for kind, name in local.role_names : kind == "tag" ? "TagRole" : "ReadRole" => {
    Type      = "AWS::IAM::Role"
    Condition = "MakesRoles"
    Properties = merge(local.bounded, {
      RoleName                 = name
      AssumeRolePolicyDocument = jsondecode(data.aws_iam_policy_document.trust[kind].json)
      Policies                 = [{ PolicyName = name, PolicyDocument = jsondecode(local.policies[kind]) }]
    })
  } if length(local.trusted[kind]) > 0 }
}

# By their account, and the ARNs that they have there: see modules/member-account.
data "aws_iam_policy_document" "trust" {
  for_each = { for kind, trusted in local.trusted : kind => trusted if length(trusted) > 0 }

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = distinct([for arn in each.value : "arn:${local.partition}:iam::${split(":", arn)[4]}:root"])
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = each.value
    }
  }
}

# What there is in each Region.
locals {
  rule_names = { for function in keys(module.patterns.narrowed) : function => "${var.name}-${function}" }

  forwarding = {
    ForwardRole = {
      Type = "AWS::IAM::Role"
      Properties = merge(local.bounded, {
        RoleName = "${var.role_name_prefix}${var.name}-forward-${local.region}"
        AssumeRolePolicyDocument = { Version = "2012-10-17", Statement = [{
          Effect    = "Allow", Action = "sts:AssumeRole", Principal = { Service = "events.amazonaws.com" }
          Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
        }] }
        Policies = [{ PolicyName = "forward", PolicyDocument = { Version = "2012-10-17", Statement = [
          { Sid = "ForwardEvents", Effect = "Allow", Action = "events:PutEvents", Resource = var.event_bus_arn },
        ] } }]
      })
    }
    Undelivered = {
      Type       = "AWS::SQS::Queue"
      Properties = { QueueName = local.queue_name, MessageRetentionPeriod = 14 * 24 * 3600, SqsManagedSseEnabled = true, Tags = local.tags }
    }
    UndeliveredPolicy = {
      Type = "AWS::SQS::QueuePolicy"
      Properties = { Queues = [{ Ref = "Undelivered" }], PolicyDocument = { Version = "2012-10-17", Statement = [
        {
          Sid       = "TakeWhatTheRulesCannotDeliver", Effect = "Allow", Action = "sqs:SendMessage", Resource = local.queue_arn
          Principal = { Service = "events.amazonaws.com" }
          Condition = { ArnEquals = { "aws:SourceArn" = [for rule in values(local.rule_names) : "arn:${local.partition}:events:${local.region}:${local.account}:rule/${rule}"] } }
        },
        {
          Sid       = "DenyWithoutTLS", Effect = "Deny", Action = "sqs:*", Resource = local.queue_arn, Principal = "*"
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ] } }
    }
  }

  rules = { for function, pattern in module.patterns.narrowed : "${title(function)}Rule" => {
    Type      = "AWS::Events::Rule"
    DependsOn = ["UndeliveredPolicy"]
    Properties = {
      Name         = local.rule_names[function]
      Description  = "Tagalong: events forwarded to ${var.event_bus_arn}"
      EventPattern = jsondecode(pattern)
      Targets = [{
        Id               = "central", Arn = var.event_bus_arn, RoleArn = { "Fn::GetAtt" = ["ForwardRole", "Arn"] }
        DeadLetterConfig = { Arn = { "Fn::GetAtt" = ["Undelivered", "Arn"] } }
      }]
    }
  } }

  # Every text with a placeholder is one for CloudFormation to fill in.
  template = replace(jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "Tagalong: forwards events of deployments, and lets itself be looked into"
    Conditions               = { MakesRoles = { "Fn::Equals" = [{ Ref = "AWS::Region" }, var.regions[0]] } }
    Resources                = merge(local.roles, local.forwarding, local.rules)
  }), "/\"([^\"]*\\$\\{AWS::[^\"]*)\"/", "{\"Fn::Sub\":\"$1\"}")
}

resource "aws_cloudformation_stack_set" "this" {
  name             = var.name
  description      = "Tagalong: forwards events of deployments, and lets itself be looked into"
  permission_model = "SERVICE_MANAGED"
  call_as          = var.delegated_admin ? "DELEGATED_ADMIN" : "SELF"
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  template_body    = local.template

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }

  operation_preferences {
    failure_tolerance_percentage = 10
    max_concurrent_percentage    = 25
  }

  lifecycle {
    ignore_changes = [administration_role_arn] # of a service-managed one AWS sets it

    precondition {
      condition     = length(local.template) <= 51200
      error_message = "The template has ${length(local.template)} characters: want at most 51200, which is what CloudFormation takes; name clusters, repositories and pipelines by patterns such as prod-* in place of long lists."
    }
  }
}

resource "aws_cloudformation_stack_instances" "this" {
  stack_set_name = aws_cloudformation_stack_set.this.name
  regions        = var.regions
  call_as        = aws_cloudformation_stack_set.this.call_as

  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
  }
}
