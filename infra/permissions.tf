# What the functions may do, one statement a sentence; each function's file says
# which of these documents make up its policy. A role's logs and dead letters are
# in modules/function.
#
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
# says which actions take which resources and conditions.
locals {
  # Everything of a service in the own account and the Regions that are covered.
  places = [for region in var.regions : "${region}:${local.account}"]

  # Paths of what lies in the clusters. The star alone takes in services whose
  # ARNs have the old form without a cluster.
  cluster_paths = [for cluster in var.clusters : cluster == "*" ? "*" : "${cluster}/*"]

  ecs_arns = { for kind in ["service", "service-revision", "service-deployment", "task"] : kind => [
    for pair in setproduct(local.places, local.cluster_paths) : "arn:${local.partition}:ecs:${pair[0]}:${kind}/${pair[1]}"
  ] }

  cluster_arns = [for pair in setproduct(local.places, var.clusters) : "arn:${local.partition}:ecs:${pair[0]}:cluster/${pair[1]}"]

  repository_arns = flatten([for repository in var.repositories : startswith(repository, "arn:") ? [repository] : [
    for place in local.places : "arn:${local.partition}:ecr:${place}:repository/${repository}"
  ]])

  function_arns = [for place in local.places : "arn:${local.partition}:lambda:${place}:function:*"]

  pipeline_arns = [for pair in setproduct(local.places, var.pipelines) : "arn:${local.partition}:codepipeline:${pair[0]}:${pair[1]}"]

  tagging_roles = compact([for entry in local.accounts : try(entry.role, "")])
  reading_roles = compact([for entry in local.accounts_read : try(entry.role, "")])
}

data "aws_iam_policy_document" "ledger_write" {
  statement {
    sid       = "ReadLedger" # to know a service, an image and a tag before anything is decided
    actions   = ["dynamodb:Query", "dynamodb:BatchGetItem"]
    resources = [local.table_arn, "${local.table_arn}/index/gsi1"] # which says what tags an environment has, and which ones deployments read
  }

  statement {
    sid       = "WriteLedger" # to keep facts, rollouts and desired tags; never a setting
    actions   = ["dynamodb:PutItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    resources = [local.table_arn]

    # All but the settings: no function writes its own rules and accounts.
    condition {
      test     = "ForAllValues:StringNotLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["@*"]
    }
  }
}

# A promotion knows the tags and no service.
data "aws_iam_policy_document" "ledger_promote" {
  statement {
    sid       = "ReadTags" # to know how the tags stand that a job asks for
    actions   = ["dynamodb:BatchGetItem"]
    resources = [local.table_arn]
  }

  statement {
    sid       = "WritePromotions" # to keep what a job has promoted; never a setting
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [local.table_arn]

    condition {
      test     = "ForAllValues:StringNotLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["@*"]
    }
  }
}

data "aws_iam_policy_document" "ledger_read" {
  statement {
    sid       = "AskLedger" # to answer questions
    actions   = ["dynamodb:Query"]
    resources = [local.table_arn, "${local.table_arn}/index/gsi1", "${local.table_arn}/index/gsi2"]
  }

  statement {
    sid       = "AskTags" # to say of an answer how its tags stand
    actions   = ["dynamodb:BatchGetItem"]
    resources = [local.table_arn]
  }
}

data "aws_iam_policy_document" "images_read" {
  statement {
    sid       = "ReadImages" # to know the digest behind a tag, and an image's platforms
    actions   = ["ecr:BatchGetImage"]
    resources = local.repository_arns
  }
}

data "aws_iam_policy_document" "images_tag" {
  statement {
    sid       = "MoveTags" # to move a tag, which is to put the same manifest under it
    actions   = ["ecr:BatchGetImage", "ecr:PutImage"]
    resources = local.repository_arns
  }
}

# What the sweep needs beside, to warn of images that a repository's lifecycle policy
# would take.
data "aws_iam_policy_document" "images_lifecycle" {
  statement {
    sid       = "ReadLifecycles" # to warn of images that a lifecycle policy would take
    actions   = ["ecr:GetLifecyclePolicy", "ecr:DescribeImages"]
    resources = local.repository_arns
  }
}

# And to ask what policies would take of what is in use: nothing unless it is told to.
data "aws_iam_policy_document" "images_preview" {
  dynamic "statement" {
    for_each = var.lifecycle_check ? [local.repository_arns] : []

    content {
      sid       = "PreviewLifecycles" # to ask what lifecycle policies would take of what is in use; only with lifecycle_check
      actions   = ["ecr:StartLifecyclePolicyPreview", "ecr:GetLifecyclePolicyPreview"]
      resources = statement.value
    }
  }
}

# And to remove the tags of services that are gone: none of it unless it is asked to.
data "aws_iam_policy_document" "images_untag" {
  dynamic "statement" {
    for_each = var.untag ? [local.repository_arns] : []

    content {
      sid       = "RemoveTags" # to remove tags of services that are gone; only with untag
      actions   = ["ecr:BatchDeleteImage"]
      resources = statement.value
    }
  }

  # Whether removals are replicated. AWS offers neither resources nor conditions for it.
  dynamic "statement" {
    for_each = var.untag ? ["*"] : []

    content {
      sid       = "ReadRegistrySettings" # to remove nothing that is replicated; only with untag
      actions   = ["ecr:DescribeRegistry"]
      resources = [statement.value]
    }
  }
}

# And to know what was found in images: of one of the two, or of neither.
data "aws_iam_policy_document" "images_findings" {
  # AWS offers neither resources nor conditions for these.
  dynamic "statement" {
    for_each = var.findings == "inspector" ? ["*"] : []

    content {
      sid       = "ReadInspectorsFindings" # to know what was found in images, where it is told to ask Amazon Inspector
      actions   = ["inspector2:ListFindings", "inspector2:ListCoverage"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.findings == "ecr" ? [local.repository_arns] : []

    content {
      sid       = "ReadScans" # to know what ECR's scans found in images, where it is told to
      actions   = ["ecr:DescribeImageScanFindings"]
      resources = statement.value
    }
  }
}

# And to know what Lambda runs from images: none of it unless it is asked to.
data "aws_iam_policy_document" "functions_read" {
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
}

# Documents of which a function takes one or the other, not both: IAM takes 10240
# characters of a role's policies, and each list of resources is as long as that of the
# clusters. An action is allowed on no more than the resources of its own kind; of a
# revision and of a service's deployment the service is checked, too.
data "aws_iam_policy_document" "deployments" {
  statement {
    sid       = "ReadDeployments" # to know which digests a deployment has put in place
    actions   = ["ecs:DescribeServices", "ecs:DescribeServiceRevisions", "ecs:DescribeTasks"]
    resources = concat(local.ecs_arns.service, local.ecs_arns.service-revision, local.ecs_arns.task)
  }
}

data "aws_iam_policy_document" "service_deployments" {
  statement {
    sid = "ReadServiceDeployments" # to know the same of deployments of the last 90 days
    actions = [
      "ecs:DescribeServices",
      "ecs:DescribeServiceRevisions",
      "ecs:DescribeTasks",
      "ecs:ListServiceDeployments",
      "ecs:DescribeServiceDeployments",
    ]
    resources = flatten(values(local.ecs_arns))
  }
}

# AWS offers a container instance as resource of ListTasks, and asks for it only
# where a call names one. Ours name a service, for which it asks for all: what limits
# them is the condition.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html
data "aws_iam_policy_document" "tasks" {
  statement {
    sid       = "FindTasks" # to ask tasks for a digest that no revision tells
    actions   = ["ecs:ListTasks"]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "ecs:cluster"
      values   = local.cluster_arns
    }
  }
}

# AWS offers no resources for ListServices, but a condition.
data "aws_iam_policy_document" "services_and_tasks" {
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
}

data "aws_iam_policy_document" "task_definitions" {
  # AWS offers neither resources nor conditions for this.
  statement {
    sid       = "ReadTaskDefinitions" # to know the containers of a deployment and their images
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "clusters" {
  # AWS offers neither resources nor conditions for this.
  statement {
    sid       = "FindClusters" # to look into all clusters, or for the one of a service whose ARN leaves it out
    actions   = ["ecs:ListClusters"]
    resources = ["*"]
  }
}

# Of a member account's two roles, that which may tag or that which only reads.
data "aws_iam_policy_document" "member_accounts_tag" {
  dynamic "statement" {
    for_each = length(local.tagging_roles) == 0 ? [] : [local.tagging_roles]

    content {
      sid       = "TagInMemberAccounts" # to do the same in the accounts that are listed
      actions   = ["sts:AssumeRole"]
      resources = statement.value
    }
  }
}

data "aws_iam_policy_document" "member_accounts_read" {
  dynamic "statement" {
    for_each = length(local.reading_roles) == 0 ? [] : [local.reading_roles]

    content {
      sid       = "LookIntoMemberAccounts" # to read the same in the accounts that are listed
      actions   = ["sts:AssumeRole"]
      resources = statement.value
    }
  }
}

# For every function that records rollouts.
data "aws_iam_policy_document" "own_events" {
  dynamic "statement" {
    for_each = local.own_events_arn == null ? [] : [local.own_events_arn]

    content {
      sid       = "Announce" # to tell your bus of rollouts and drift; only with event_bus
      actions   = ["events:PutEvents"]
      resources = [statement.value]

      # Whatever the bus lets others say, ours say only this, in each entry of a call:
      # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-example-policy-cross-account-custom-bus-source.html
      condition {
        test     = "ForAllValues:StringEquals"
        variable = "events:source"
        values   = ["tagalong"]
      }
    }
  }
}

data "aws_iam_policy_document" "releases" {
  statement {
    sid       = "ReadPipelines" # to give a rollout its execution and commit
    actions   = ["codepipeline:ListActionExecutions", "codepipeline:GetPipelineExecution"]
    resources = local.pipeline_arns
  }

  statement {
    sid       = "ReadCodeDeploy" # to give a rollout by CodeDeploy its execution
    actions   = ["codedeploy:GetDeployment", "codedeploy:ListDeployments", "codedeploy:GetDeploymentGroup"]
    resources = [for place in local.places : "arn:${local.partition}:codedeploy:${place}:deploymentgroup:*/*"]
  }

  # AWS offers neither resources nor conditions for these.
  statement {
    sid       = "ReadCodeDeployTargets" # to know which service a deployment of CodeDeploy is of
    actions   = ["codedeploy:ListDeploymentTargets", "codedeploy:BatchGetDeploymentTargets"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "jobs" {
  # AWS offers neither resources nor conditions for these. What a job asks is what
  # CodePipeline says: who may invoke a function can write any event.
  statement {
    sid       = "ReadAndAnswerJobs" # to know what a job asks, and to answer it
    actions   = ["codepipeline:GetJobDetails", "codepipeline:PutJobSuccessResult", "codepipeline:PutJobFailureResult"]
    resources = ["*"]
  }
}
