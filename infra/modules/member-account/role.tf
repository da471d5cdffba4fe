# What the functions assume to look into this account: those that move tags, or have
# them moved, the one, and those that only read the other.
locals {
  readers    = ["history", "imagedefinitions"]
  role_names = { tag = "${var.role_name_prefix}${var.name}", read = "${var.role_name_prefix}${var.name}-read" }
  role_arns  = { for kind, name in local.role_names : kind => "arn:${local.partition}:iam::${local.account}:role${var.role_path}${name}" }

  roles = {
    tag = {
      name        = local.role_names.tag
      description = "Tagalong: reads ECS and CodePipeline, and moves tags in ECR"
      trusted     = [for function, arn in var.role_arns : arn if !contains(local.readers, function)]
      policy      = module.policies.tag
    }
    read = {
      name        = local.role_names.read
      description = "Tagalong: reads services and images"
      trusted     = [for function, arn in var.role_arns : arn if contains(local.readers, function)]
      policy      = module.policies.read
    }
  }

  # Without anybody who is trusted there is no use for a role.
  made = { for kind, role in local.roles : kind => role if var.create_role && length(role.trusted) > 0 }
}

resource "aws_iam_role" "this" {
  for_each = local.made

  name                 = each.value.name
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  description          = each.value.description
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  tags                 = local.tags
}

# By their account, and the ARNs that they have there: who is named as the principal is
# kept by an id, so that a role that is made anew would be locked out.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
data "aws_iam_policy_document" "trust" {
  for_each = local.made

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = distinct([for arn in each.value.trusted : "arn:${local.partition}:iam::${split(":", arn)[4]}:root"])
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = each.value.trusted
    }
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = local.made

  name   = each.value.name
  role   = aws_iam_role.this[each.key].id
  policy = each.value.policy

  lifecycle {
    precondition {
      condition     = length(jsonencode(jsondecode(each.value.policy))) <= 10240 # IAM counts no white space
      error_message = "The policy of role ${each.value.name} has ${length(jsonencode(jsondecode(each.value.policy)))} characters: want at most 10240, which is what IAM takes; name regions, clusters, repositories and pipelines by patterns such as prod-* in place of long lists."
    }
  }
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
