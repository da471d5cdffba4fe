# The real provider, out of reach of AWS: it renders policies and refuses wrong
# arguments while planning.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "111122223333" }
}

variables {
  dist = "./tests/fixtures"
}

run "no_function_writes_its_own_rules_and_accounts" {
  command = plan

  assert {
    condition = alltrue(flatten([for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.sweep] : [
      for statement in jsondecode(policy.json).Statement : statement.Condition == { "ForAllValues:StringNotLike" = { "dynamodb:LeadingKeys" = "@*" } }
      if length(setintersection(flatten([statement.Action]), ["dynamodb:PutItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"])) > 0
    ]]))
    error_message = "a function may write settings"
  }
}

run "history_reads_the_ledger_and_images_and_writes_nothing" {
  command = plan

  assert {
    condition     = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.history.json).Statement : statement.Action])) == toset(["dynamodb:Query", "dynamodb:BatchGetItem", "ecr:BatchGetImage"])
    error_message = "history may do ${data.aws_iam_policy_document.history.json}"
  }
}

run "imagedefinitions_knows_no_table_and_moves_no_tag" {
  command = plan

  assert {
    condition = alltrue([for action in flatten([for statement in jsondecode(data.aws_iam_policy_document.imagedefinitions.json).Statement : statement.Action]) :
      !startswith(action, "dynamodb:") && action != "ecr:PutImage"
    ]) && local.imagedefinitions.TAGALONG_TABLE == ""
    error_message = "imagedefinitions may do ${data.aws_iam_policy_document.imagedefinitions.json}"
  }
}

run "imagedefinitions_reads_accounts_in_the_table_and_nothing_else_there" {
  command = plan

  variables {
    accounts = [for i in range(40) : { account = tostring(444455556600 + i), role = "arn:aws:iam::${444455556600 + i}:role/tagalong" }]
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.imagedefinitions.json).Statement : [statement.Action, statement.Resource, statement.Condition] if startswith(flatten([statement.Action])[0], "dynamodb:")] == [
      ["dynamodb:BatchGetItem", local.table_arn, { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = "@accounts-read-*" } }],
    ]
    error_message = "imagedefinitions may do ${data.aws_iam_policy_document.imagedefinitions.json}"
  }

  assert {
    condition     = can(regex("^@accounts-read-", local.settings.accounts-read)) && local.imagedefinitions.TAGALONG_ACCOUNTS == local.settings.accounts-read && local.imagedefinitions.TAGALONG_TABLE == "tagalong"
    error_message = "imagedefinitions reads ${jsonencode(local.imagedefinitions)}"
  }
}

run "nothing_is_removed_from_ecr_by_default" {
  command = plan

  assert {
    condition     = try(length(jsondecode(data.aws_iam_policy_document.images_untag.json).Statement), 0) == 0 && local.environment.TAGALONG_UNTAG == ""
    error_message = "removals: ${data.aws_iam_policy_document.images_untag.json}"
  }
}

run "tags_can_be_removed_if_asked_to" {
  command = plan

  variables {
    untag        = true
    repositories = ["shop/*"]
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.images_untag.json).Statement : statement.Sid => [toset(flatten([statement.Action])), statement.Resource]
      } == {
      RemoveTags           = [toset(["ecr:BatchDeleteImage"]), "arn:aws:ecr:*:111122223333:repository/shop/*"]
      ReadRegistrySettings = [toset(["ecr:DescribeRegistry"]), "*"]
    }
    error_message = "removals: ${data.aws_iam_policy_document.images_untag.json}"
  }

  assert {
    condition = local.environment.TAGALONG_UNTAG == "true" && alltrue([
      for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history] :
      !strcontains(policy.json, "ecr:BatchDeleteImage")
    ])
    error_message = "a function that does not sweep may remove images"
  }
}

run "only_the_roles_of_listed_accounts_are_assumed" {
  command = plan

  variables {
    accounts = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" }]
  }

  assert {
    condition = alltrue([for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history, data.aws_iam_policy_document.sweep] :
      [for statement in jsondecode(policy.json).Statement : flatten([statement.Resource]) if contains(flatten([statement.Action]), "sts:AssumeRole")] == [["arn:aws:iam::444455556666:role/tagalong"]]
    ])
    error_message = "other roles may be assumed"
  }
}

run "a_function_that_only_reads_takes_the_role_that_only_reads" {
  command = plan

  variables {
    accounts = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong", reader = "arn:aws:iam::444455556666:role/tagalong-read" }]
  }

  assert {
    condition = alltrue([for role, policies in {
      "tagalong"      = [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.sweep]
      "tagalong-read" = [data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history]
      } : alltrue([for policy in policies :
        [for statement in jsondecode(policy.json).Statement : statement.Resource if contains(flatten([statement.Action]), "sts:AssumeRole")] == ["arn:aws:iam::444455556666:role/${role}"]
    ])])
    error_message = "a function may take another role"
  }

  # The command, which sweeps, is told of the role that moves tags.
  assert {
    condition = jsondecode(output.accounts) == [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" }] && [
      for accounts in [local.environment.TAGALONG_ACCOUNTS, local.environment_read.TAGALONG_ACCOUNTS, local.imagedefinitions.TAGALONG_ACCOUNTS] : jsondecode(accounts)[0].role
    ] == ["arn:aws:iam::444455556666:role/tagalong", "arn:aws:iam::444455556666:role/tagalong-read", "arn:aws:iam::444455556666:role/tagalong-read"]
    error_message = "a function is told of another role"
  }
}

run "clusters_repositories_pipelines_and_regions_can_be_narrowed" {
  command = plan

  variables {
    regions      = ["eu-west-1"]
    clusters     = ["prod-*"]
    repositories = ["shop/*", "arn:aws:ecr:eu-west-1:444455556666:repository/base"]
    pipelines    = ["shop-*"]
  }

  assert {
    condition = length(setsubtract(
      flatten([for statement in jsondecode(data.aws_iam_policy_document.pipeline.json).Statement : flatten([statement.Resource])]),
      [
        "*",
        "arn:aws:codedeploy:eu-west-1:111122223333:deploymentgroup:*/*",
        "arn:aws:codepipeline:eu-west-1:111122223333:shop-*",
        "arn:aws:dynamodb:eu-west-1:111122223333:table/tagalong",
        "arn:aws:dynamodb:eu-west-1:111122223333:table/tagalong/index/gsi1",
        "arn:aws:ecr:eu-west-1:111122223333:repository/shop/*",
        "arn:aws:ecr:eu-west-1:444455556666:repository/base",
        "arn:aws:ecs:eu-west-1:111122223333:service/prod-*/*",
        "arn:aws:ecs:eu-west-1:111122223333:service-deployment/prod-*/*",
        "arn:aws:ecs:eu-west-1:111122223333:service-revision/prod-*/*",
        "arn:aws:ecs:eu-west-1:111122223333:task/prod-*/*",
        "arn:aws:sqs:eu-west-1:111122223333:tagalong-pipeline",
      ],
    )) == 0
    error_message = "pipeline may do ${data.aws_iam_policy_document.pipeline.json}"
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.deployment.json).Statement : [statement.Resource, statement.Condition.ArnLike["ecs:cluster"]] if statement.Action == "ecs:ListTasks"] == [
      ["*", "arn:aws:ecs:eu-west-1:111122223333:cluster/prod-*"],
    ]
    error_message = "tasks of other clusters can be listed"
  }
}

run "a_star_alone_stands_only_where_aws_offers_nothing_narrower" {
  command = plan

  assert {
    condition = length(setsubtract(
      flatten([for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history, data.aws_iam_policy_document.sweep] : [
        for statement in jsondecode(policy.json).Statement : flatten([statement.Action]) if contains(flatten([statement.Resource]), "*")
      ]]),
      [
        "codedeploy:BatchGetDeploymentTargets",
        "codedeploy:ListDeploymentTargets",
        "codepipeline:GetJobDetails",
        "codepipeline:PutJobFailureResult",
        "codepipeline:PutJobSuccessResult",
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices", # by the cluster in its condition
        "ecs:ListTasks",    # so, too
      ],
    )) == 0
    error_message = "an action that takes resources is allowed on all of them"
  }
}

run "both_actions_read_and_answer_jobs_and_no_other_function_does" {
  command = plan

  assert {
    condition = [for policy in [data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.history, data.aws_iam_policy_document.sweep] :
      [for action in ["GetJobDetails", "PutJobSuccessResult", "PutJobFailureResult"] : strcontains(policy.json, "codepipeline:${action}")]
    ] == [[true, true, true], [true, true, true], [false, false, false], [false, false, false], [false, false, false], [false, false, false]]
    error_message = "an action cannot read or answer its jobs, or another function may"
  }
}

run "the_sweep_alone_may_remove_tags_if_told" {
  command = plan

  variables {
    untag        = true
    repositories = ["shop/*"]
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.sweep.json).Statement : statement.Resource if contains(flatten([statement.Action]), "ecr:BatchDeleteImage")] == [
      "arn:aws:ecr:*:111122223333:repository/shop/*",
    ]
    error_message = "the sweep may do ${data.aws_iam_policy_document.sweep.json}"
  }

  assert {
    condition     = local.environment.TAGALONG_UNTAG == "true" && !strcontains("${data.aws_iam_policy_document.deployment.json}${data.aws_iam_policy_document.pipeline.json}", "ecr:BatchDeleteImage")
    error_message = "another function may remove tags"
  }
}

run "nobody_is_asked_for_findings_by_default" {
  command = plan

  assert {
    condition     = try(length(jsondecode(data.aws_iam_policy_document.images_findings.json).Statement), 0) == 0 && local.environment.TAGALONG_FINDINGS == ""
    error_message = "findings: ${data.aws_iam_policy_document.images_findings.json}"
  }
}

run "the_sweep_alone_asks_amazon_inspector_if_told" {
  command = plan

  variables {
    findings = "inspector"
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.sweep.json).Statement : [toset(statement.Action), statement.Resource] if statement.Sid == "ReadInspectorsFindings"] == [
      [toset(["inspector2:ListFindings", "inspector2:ListCoverage"]), "*"],
    ] && local.environment.TAGALONG_FINDINGS == "inspector" && !strcontains(data.aws_iam_policy_document.sweep.json, "DescribeImageScanFindings")
    error_message = "the sweep may do ${data.aws_iam_policy_document.sweep.json}"
  }

  assert {
    condition     = !strcontains("${data.aws_iam_policy_document.deployment.json}${data.aws_iam_policy_document.pipeline.json}${data.aws_iam_policy_document.history.json}", "inspector2:")
    error_message = "another function may ask Inspector"
  }
}

run "the_sweep_alone_reads_scans_of_ecr_if_told" {
  command = plan

  variables {
    findings     = "ecr"
    repositories = ["shop/*"]
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.sweep.json).Statement : statement.Resource if contains(flatten([statement.Action]), "ecr:DescribeImageScanFindings")] == [
      "arn:aws:ecr:*:111122223333:repository/shop/*",
    ] && !strcontains(data.aws_iam_policy_document.sweep.json, "inspector2:")
    error_message = "the sweep may do ${data.aws_iam_policy_document.sweep.json}"
  }
}

run "nobody_looks_at_lambda_functions_by_default" {
  command = plan

  assert {
    condition     = try(length(jsondecode(data.aws_iam_policy_document.functions_read.json).Statement), 0) == 0 && local.environment.TAGALONG_FUNCTIONS == ""
    error_message = "functions: ${data.aws_iam_policy_document.functions_read.json}"
  }
}

run "the_sweep_alone_looks_at_lambda_functions_if_told" {
  command = plan

  variables {
    functions_watched = true
    regions           = ["us-east-1"]
  }

  assert {
    condition = { for statement in jsondecode(data.aws_iam_policy_document.sweep.json).Statement : statement.Sid => [toset(flatten([statement.Action])), statement.Resource] if endswith(statement.Sid, "Functions") } == {
      FindFunctions = [toset(["lambda:ListFunctions"]), "*"]
      ReadFunctions = [toset(["lambda:GetFunction", "lambda:ListAliases"]), "arn:aws:lambda:us-east-1:111122223333:function:*"]
    } && local.environment.TAGALONG_FUNCTIONS == "true"
    error_message = "the sweep may do ${data.aws_iam_policy_document.sweep.json}"
  }

  assert {
    condition     = !strcontains("${data.aws_iam_policy_document.deployment.json}${data.aws_iam_policy_document.pipeline.json}${data.aws_iam_policy_document.history.json}", "lambda:")
    error_message = "another function may look at Lambda functions"
  }
}

run "the_sweep_alone_reads_lifecycle_policies" {
  command = plan

  variables {
    repositories = ["shop/*"]
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.sweep.json).Statement : [toset(statement.Action), statement.Resource] if statement.Sid == "ReadLifecycles"] == [
      [toset(["ecr:GetLifecyclePolicy", "ecr:DescribeImages"]), "arn:aws:ecr:*:111122223333:repository/shop/*"],
    ]
    error_message = "the sweep may do ${data.aws_iam_policy_document.sweep.json}"
  }

  assert {
    condition = alltrue([
      for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history] :
      !strcontains(policy.json, "ecr:GetLifecyclePolicy") && !strcontains(policy.json, "ecr:DescribeImages")
    ])
    error_message = "another function may"
  }
}

run "the_sweep_alone_previews_lifecycle_policies_where_it_is_told_to" {
  command = plan

  variables {
    repositories    = ["shop/*"]
    lifecycle_check = true
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.sweep.json).Statement : [toset(statement.Action), statement.Resource] if statement.Sid == "PreviewLifecycles"] == [
      [toset(["ecr:StartLifecyclePolicyPreview", "ecr:GetLifecyclePolicyPreview"]), "arn:aws:ecr:*:111122223333:repository/shop/*"],
    ] && local.environment.TAGALONG_LIFECYCLE_CHECK == "true"
    error_message = "the sweep may do ${data.aws_iam_policy_document.sweep.json}"
  }

  assert {
    condition = alltrue([
      for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history] :
      !strcontains(policy.json, "LifecyclePolicyPreview")
    ])
    error_message = "another function may"
  }
}

run "no_lifecycle_policy_is_previewed_by_default" {
  command = plan

  assert {
    condition     = !strcontains(data.aws_iam_policy_document.sweep.json, "LifecyclePolicyPreview") && local.environment.TAGALONG_LIFECYCLE_CHECK == ""
    error_message = "the sweep may do ${data.aws_iam_policy_document.sweep.json}"
  }
}

run "services_are_listed_in_the_clusters_that_are_covered" {
  command = plan

  variables {
    regions  = ["eu-west-1"]
    clusters = ["prod-*"]
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.sweep.json).Statement : statement.Condition.ArnLike["ecs:cluster"] if contains(flatten([statement.Action]), "ecs:ListServices")] == [
      "arn:aws:ecs:eu-west-1:111122223333:cluster/prod-*",
    ]
    error_message = "services of other clusters can be listed"
  }
}

run "deployment_and_the_sweep_alone_look_for_clusters" {
  command = plan

  assert {
    condition = [for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.sweep, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history] :
      strcontains(policy.json, "ecs:ListClusters")
    ] == [true, true, false, false, false, false]
    error_message = "a function that looks for clusters may not, or another may"
  }
}

run "the_sweep_reads_the_ledger_and_of_its_indexes_that_of_the_tags" {
  command = plan

  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.sweep.json).Statement : statement.Resource if contains(flatten([statement.Action]), "dynamodb:Query")])) == toset([
      local.table_arn, "${local.table_arn}/index/gsi1",
    ])
    error_message = "the sweep may do ${data.aws_iam_policy_document.sweep.json}"
  }
}

run "nothing_is_announced_unless_a_bus_is_named" {
  command = plan

  assert {
    condition = local.environment.TAGALONG_EVENT_BUS == "" && alltrue([
      for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.sweep] :
      !strcontains(policy.json, "events:PutEvents")
    ])
    error_message = "events may be sent"
  }
}

run "what_records_rollouts_announces_them_on_a_bus_of_our_own" {
  command = plan

  variables {
    event_bus = "releases"
  }

  assert {
    condition = local.environment.TAGALONG_EVENT_BUS == "releases" && alltrue([
      for policy in [data.aws_iam_policy_document.deployment, data.aws_iam_policy_document.pipeline, data.aws_iam_policy_document.sweep] :
      [for statement in jsondecode(policy.json).Statement : [statement.Resource, statement.Condition["ForAllValues:StringEquals"]["events:source"]] if contains(flatten([statement.Action]), "events:PutEvents")] ==
      [["arn:aws:events:eu-west-1:111122223333:event-bus/releases", "tagalong"]]
    ])
    error_message = "deployment may do ${data.aws_iam_policy_document.deployment.json}"
  }

  assert {
    condition = alltrue([
      for policy in [data.aws_iam_policy_document.tagimage, data.aws_iam_policy_document.imagedefinitions, data.aws_iam_policy_document.history] :
      !strcontains(policy.json, "events:PutEvents")
    ])
    error_message = "a function that records no rollouts may send events"
  }
}

run "rollouts_are_announced_on_a_bus_of_another_account_and_region" {
  command = plan

  variables {
    event_bus = "arn:aws:events:us-east-1:444455556666:event-bus/releases"
  }

  assert {
    condition = local.environment.TAGALONG_EVENT_BUS == var.event_bus && [
      for statement in jsondecode(data.aws_iam_policy_document.deployment.json).Statement : statement.Resource if contains(flatten([statement.Action]), "events:PutEvents")
    ] == [var.event_bus]
    error_message = "deployment may do ${data.aws_iam_policy_document.deployment.json}"
  }
}

# The longest policy is the sweep's. Where more are to be named a pattern does it.
run "twenty_names_of_clusters_fit_a_policy" {
  command = plan

  variables {
    clusters = [for i in range(20) : "team-${i}-production"]
    untag    = true
  }

  assert {
    condition     = length(aws_scheduler_schedule.sweep.name) > 0 # every precondition holds
    error_message = "there is no schedule"
  }
}
