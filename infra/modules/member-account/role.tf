# What the functions assume to look into this account.
resource "aws_iam_role" "this" {
  count = var.create_role ? 1 : 0

  name               = var.name
  description        = "Tagalong: reads ECS and CodePipeline, and moves tags in ECR"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = local.tags
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = distinct(values(var.role_arns))
    }
  }
}

resource "aws_iam_role_policy" "this" {
  count = var.create_role ? 1 : 0

  name   = var.name
  role   = aws_iam_role.this[0].id
  policy = data.aws_iam_policy_document.this.json

  lifecycle {
    precondition {
      condition     = local.policy_size <= 10240
      error_message = "The policy of role ${var.name} has ${local.policy_size} characters: want at most 10240, which is what IAM takes; name regions, clusters, repositories and pipelines by patterns such as prod-* in place of long lists."
    }
  }
}

locals {
  policy_size = length(jsonencode(jsondecode(data.aws_iam_policy_document.this.json))) # IAM counts no white space

  places = [for region in var.regions : "${region}:${local.account}"]

  # The star alone takes in services whose ARNs have the old form without a cluster.
  cluster_paths = [for cluster in var.clusters : cluster == "*" ? "*" : "${cluster}/*"]

  cluster_arns = [for pair in setproduct(local.places, var.clusters) : "arn:${local.partition}:ecs:${pair[0]}:cluster/${pair[1]}"]

  ecs_arns = { for kind in ["service", "service-revision", "service-deployment", "task"] : kind => [
    for pair in setproduct(local.places, local.cluster_paths) : "arn:${local.partition}:ecs:${pair[0]}:${kind}/${pair[1]}"
  ] }
}

# The statements of the main module's permissions.tf, for this account.
data "aws_iam_policy_document" "this" {
  statement {
    sid       = "MoveTags"
    actions   = concat(["ecr:BatchGetImage", "ecr:PutImage"], var.untag ? ["ecr:DescribeImages", "ecr:BatchDeleteImage"] : [])
    resources = [for pair in setproduct(local.places, var.repositories) : "arn:${local.partition}:ecr:${pair[0]}:repository/${pair[1]}"]
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
