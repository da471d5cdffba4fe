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
}

locals {
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
    actions   = ["ecr:BatchGetImage", "ecr:PutImage"]
    resources = [for pair in setproduct(local.places, var.repositories) : "arn:${local.partition}:ecr:${pair[0]}:repository/${pair[1]}"]
  }

  dynamic "statement" {
    for_each = var.untag ? [[for pair in setproduct(local.places, var.repositories) : "arn:${local.partition}:ecr:${pair[0]}:repository/${pair[1]}"]] : []

    content {
      sid       = "RemoveTags"
      actions   = ["ecr:DescribeImages", "ecr:BatchDeleteImage"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = var.untag ? ["*"] : []

    content {
      sid       = "ReadRegistrySettings"
      actions   = ["ecr:DescribeRegistry"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "ReadServices"
    actions   = ["ecs:DescribeServices", "ecs:ListServiceDeployments"]
    resources = local.ecs_arns.service
  }

  # Both the revision and its service are checked, and so with deployments.
  statement {
    sid       = "ReadRevisions"
    actions   = ["ecs:DescribeServiceRevisions"]
    resources = concat(local.ecs_arns.service, local.ecs_arns.service-revision)
  }

  statement {
    sid       = "ReadServiceDeployments"
    actions   = ["ecs:DescribeServiceDeployments"]
    resources = concat(local.ecs_arns.service, local.ecs_arns.service-deployment)
  }

  statement {
    sid       = "ReadTasks"
    actions   = ["ecs:DescribeTasks"]
    resources = local.ecs_arns.task
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
