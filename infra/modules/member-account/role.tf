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
      policy      = data.aws_iam_policy_document.tag.json
    }
    read = {
      name        = local.role_names.read
      description = "Tagalong: reads services and images"
      trusted     = [for function, arn in var.role_arns : arn if contains(local.readers, function)]
      policy      = data.aws_iam_policy_document.read.json
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

locals {
  places = [for region in var.regions : "${region}:${local.account}"]

  # The star alone takes in services whose ARNs have the old form without a cluster.
  cluster_paths = [for cluster in var.clusters : cluster == "*" ? "*" : "${cluster}/*"]

  cluster_arns = [for pair in setproduct(local.places, var.clusters) : "arn:${local.partition}:ecs:${pair[0]}:cluster/${pair[1]}"]

  ecs_arns = { for kind in ["service", "service-revision", "service-deployment", "task"] : kind => [
    for pair in setproduct(local.places, local.cluster_paths) : "arn:${local.partition}:ecs:${pair[0]}:${kind}/${pair[1]}"
  ] }

  repository_arns = [for pair in setproduct(local.places, var.repositories) : "arn:${local.partition}:ecr:${pair[0]}:repository/${pair[1]}"]
}

# The statements of the main module's permissions.tf, for this account: those of the
# functions that only read…
data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ReadImages"
    actions   = ["ecr:BatchGetImage"]
    resources = local.repository_arns
  }

  statement {
    sid       = "ReadServices"
    actions   = ["ecs:DescribeServices"]
    resources = local.ecs_arns.service
  }

  # AWS offers neither resources nor conditions for this.
  statement {
    sid       = "ReadTaskDefinitions"
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"]
  }
}

# … and those of the others.
data "aws_iam_policy_document" "tag" {
  statement {
    sid       = "MoveTags"
    actions   = concat(["ecr:BatchGetImage", "ecr:PutImage", "ecr:GetLifecyclePolicy", "ecr:DescribeImages"], var.untag ? ["ecr:BatchDeleteImage"] : [])
    resources = local.repository_arns
  }

  dynamic "statement" {
    for_each = var.untag ? ["*"] : []

    content {
      sid       = "ReadRegistrySettings"
      actions   = ["ecr:DescribeRegistry"]
      resources = [statement.value]
    }
  }

  # Together, since IAM takes 10240 characters of a role's policies.
  statement {
    sid = "ReadDeployments"
    actions = [
      "ecs:DescribeServices",
      "ecs:ListServiceDeployments",
      "ecs:DescribeServiceRevisions",
      "ecs:DescribeServiceDeployments",
      "ecs:DescribeTasks",
    ]
    resources = flatten(values(local.ecs_arns))
  }

  statement {
    sid       = "ReadPipelines"
    actions   = ["codepipeline:ListActionExecutions", "codepipeline:GetPipelineExecution"]
    resources = [for pair in setproduct(local.places, var.pipelines) : "arn:${local.partition}:codepipeline:${pair[0]}:${pair[1]}"]
  }

  statement {
    sid       = "ReadCodeDeploy"
    actions   = ["codedeploy:GetDeployment", "codedeploy:ListDeployments", "codedeploy:GetDeploymentGroup"]
    resources = [for place in local.places : "arn:${local.partition}:codedeploy:${place}:deploymentgroup:*/*"]
  }

  # What limits these is the condition, see the main module.
  statement {
    sid       = "FindServicesAndTasks"
    actions   = ["ecs:ListServices", "ecs:ListTasks"]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "ecs:cluster"
      values   = local.cluster_arns
    }
  }

  # AWS offers neither resources nor conditions for these.
  statement {
    sid = "ReadTaskDefinitionsAndTargetsAndFindClusters"
    actions = [
      "ecs:DescribeTaskDefinition",
      "ecs:ListClusters",
      "codedeploy:ListDeploymentTargets",
      "codedeploy:BatchGetDeploymentTargets",
    ]
    resources = ["*"]
  }
}
