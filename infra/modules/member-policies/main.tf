# What the functions may do in another account: once for modules/member-account, and
# once for the template of modules/member-stackset, in which the account is a placeholder.
locals {
  places = [for region in var.regions : "${region}:${var.account}"]

  # The star alone takes in services whose ARNs have the old form without a cluster.
  cluster_paths = [for cluster in var.clusters : cluster == "*" ? "*" : "${cluster}/*"]

  cluster_arns = [for pair in setproduct(local.places, var.clusters) : "arn:${var.partition}:ecs:${pair[0]}:cluster/${pair[1]}"]

  ecs_arns = { for kind in ["service", "service-revision", "service-deployment", "task"] : kind => [
    for pair in setproduct(local.places, local.cluster_paths) : "arn:${var.partition}:ecs:${pair[0]}:${kind}/${pair[1]}"
  ] }

  function_arns = [for place in local.places : "arn:${var.partition}:lambda:${place}:function:*"]

  repository_arns = [for pair in setproduct(local.places, var.repositories) : "arn:${var.partition}:ecr:${pair[0]}:repository/${pair[1]}"]
}

# The statements of the main module's permissions.tf, for this account: those of the
# functions that only read…
data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ReadImages" # to know the digest behind a tag, and an image's platforms
    actions   = ["ecr:BatchGetImage"]
    resources = local.repository_arns
  }

  statement {
    sid       = "ReadServices" # to hold the file's containers against those of the service
    actions   = ["ecs:DescribeServices"]
    resources = local.ecs_arns.service
  }

  # AWS offers neither resources nor conditions for this.
  statement {
    sid       = "ReadTaskDefinitions" # to know the containers of a deployment and their images
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"]
  }
}

# … and those of the others.
data "aws_iam_policy_document" "tag" {
  statement {
    sid       = "MoveTags" # to move tags, to warn of lifecycle policies and, with lifecycle_check, to preview them, with untag to remove tags, and with findings = "ecr" to know what scans found
    actions   = concat(["ecr:BatchGetImage", "ecr:PutImage", "ecr:GetLifecyclePolicy", "ecr:DescribeImages"], var.untag ? ["ecr:BatchDeleteImage"] : [], var.findings == "ecr" ? ["ecr:DescribeImageScanFindings"] : [], var.lifecycle_check ? ["ecr:StartLifecyclePolicyPreview", "ecr:GetLifecyclePolicyPreview"] : [])
    resources = local.repository_arns
  }

  dynamic "statement" {
    for_each = var.untag ? ["*"] : []

    content {
      sid       = "ReadRegistrySettings" # to remove nothing that is replicated; only with untag
      actions   = ["ecr:DescribeRegistry"]
      resources = [statement.value]
    }
  }

  # AWS offers neither resources nor conditions for these.
  dynamic "statement" {
    for_each = var.findings == "inspector" ? ["*"] : []

    content {
      sid       = "ReadInspectorsFindings" # to know what was found in images, where it is told to ask Amazon Inspector
      actions   = ["inspector2:ListFindings", "inspector2:ListCoverage"]
      resources = [statement.value]
    }
  }

  # AWS offers neither resources nor conditions for this.
  dynamic "statement" {
    for_each = var.functions_watched ? ["*"] : []

    content {
      sid       = "FindFunctions" # to know which Lambda functions there are; only with functions_watched
      actions   = ["lambda:ListFunctions"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.functions_watched ? [local.function_arns] : []

    content {
      sid       = "ReadFunctions" # to know their images, which shows their environment variables, too; only with functions_watched
      actions   = ["lambda:GetFunction", "lambda:ListAliases"]
      resources = statement.value
    }
  }

  # Together, since IAM takes 10240 characters of a role's policies.
  statement {
    sid = "ReadDeployments" # to know which digests a deployment has put in place
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
    sid       = "ReadPipelines" # to give a rollout its execution and commit
    actions   = ["codepipeline:ListActionExecutions", "codepipeline:GetPipelineExecution"]
    resources = [for pair in setproduct(local.places, var.pipelines) : "arn:${var.partition}:codepipeline:${pair[0]}:${pair[1]}"]
  }

  statement {
    sid       = "ReadCodeDeploy" # to give a rollout by CodeDeploy its execution
    actions   = ["codedeploy:GetDeployment", "codedeploy:ListDeployments", "codedeploy:GetDeploymentGroup"]
    resources = [for place in local.places : "arn:${var.partition}:codedeploy:${place}:deploymentgroup:*/*"]
  }

  # What limits these is the condition, see the main module.
  statement {
    sid       = "FindServicesAndTasks" # to compare all that runs with the ledger
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
    sid = "ReadTaskDefinitionsAndTargetsAndFindClusters" # to know a deployment's containers, what CodeDeploy deploys, and the clusters
    actions = [
      "ecs:DescribeTaskDefinition",
      "ecs:ListClusters",
      "codedeploy:ListDeploymentTargets",
      "codedeploy:BatchGetDeploymentTargets",
    ]
    resources = ["*"]
  }
}
