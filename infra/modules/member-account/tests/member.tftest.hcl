# The real provider, out of reach of AWS.
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
  values = { account_id = "444455556666" }
}

variables {
  event_bus_arn = "arn:aws:events:eu-west-1:111122223333:event-bus/tagalong-forwarded"
  role_arns     = { for function in ["deployment", "pipeline", "tagimage", "imagedefinitions", "history", "sweep"] : function => "arn:aws:iam::111122223333:role/tagalong-${function}-eu-west-1" }
}

run "a_member_forwards_what_the_main_rules_take" {
  command = plan

  assert {
    condition = (
      { for name, rule in aws_cloudwatch_event_rule.this : name => jsondecode(rule.event_pattern) } == { for name in ["deployment", "pipeline", "task"] : name => merge(jsondecode(file("../../../events/patterns/${name}.json")), { account = ["444455556666"], region = ["eu-west-1"] }) } &&
      alltrue([for target in aws_cloudwatch_event_target.this : target.arn == var.event_bus_arn && length(target.dead_letter_config) == 1])
    )
    error_message = "events are not forwarded, or dropped"
  }
}

# The files are held against sample events in events/, which are of us-east-1.
run "where_pipelines_are_named_a_member_does_not_forward_others" {
  command = plan

  override_data {
    target = data.aws_service.this
    values = { region = "us-east-1" }
  }

  variables {
    pipelines = ["check?t-*", "shop-release"]
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["pipeline"].event_pattern) == jsondecode(file("../../tests/patterns/pipeline-member.json"))
    error_message = "the rule is ${aws_cloudwatch_event_rule.this["pipeline"].event_pattern}"
  }

  assert {
    condition     = !can(jsondecode(aws_cloudwatch_event_rule.this["deployment"].event_pattern).resources)
    error_message = "another rule is narrowed, too: ${aws_cloudwatch_event_rule.this["deployment"].event_pattern}"
  }
}

run "where_clusters_are_named_a_member_does_not_forward_others" {
  command = plan

  override_data {
    target = data.aws_service.this
    values = { region = "us-east-1" }
  }

  variables {
    clusters = ["staging"]
  }

  assert {
    condition     = alltrue([for name in ["deployment", "task"] : jsondecode(aws_cloudwatch_event_rule.this[name].event_pattern) == jsondecode(file("../../tests/patterns/${name}-member-others.json"))])
    error_message = "the rules are ${jsonencode(values(aws_cloudwatch_event_rule.this)[*].event_pattern)}"
  }
}

run "a_member_forwards_events_of_the_clusters_that_are_named" {
  command = plan

  override_data {
    target = data.aws_service.this
    values = { region = "us-east-1" }
  }

  variables {
    clusters = ["live", "staging-?"]
  }

  assert {
    condition     = alltrue([for name in ["deployment", "task"] : jsondecode(aws_cloudwatch_event_rule.this[name].event_pattern) == jsondecode(file("../../tests/patterns/${name}-member.json"))])
    error_message = "the rules are ${jsonencode(values(aws_cloudwatch_event_rule.this)[*].event_pattern)}"
  }
}

run "a_region_that_is_not_covered_is_not_forwarded_from" {
  command = plan

  variables {
    regions = ["us-*"]
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}

run "a_members_entry_says_its_roles_and_what_is_covered" {
  command = plan

  variables {
    regions      = ["eu-west-1", "eu-north-1"]
    clusters     = ["prod-*"]
    repositories = ["shop/*"]
  }

  assert {
    condition = output.entry == {
      account      = "444455556666"
      role         = "arn:aws:iam::444455556666:role/tagalong"
      reader       = "arn:aws:iam::444455556666:role/tagalong-read"
      regions      = tolist(["eu-west-1", "eu-north-1"])
      clusters     = tolist(["prod-*"])
      repositories = tolist(["shop/*"])
    }
    error_message = "the entry is ${jsonencode(output.entry)}"
  }
}

run "a_members_entry_leaves_out_what_is_not_narrowed" {
  command = plan

  assert {
    condition     = jsonencode(output.entry.regions) == jsonencode(["eu-west-1"]) && output.entry.clusters == null && output.entry.repositories == null
    error_message = "the entry is ${jsonencode(output.entry)}"
  }
}

run "a_longer_pattern_of_a_member_than_eventbridge_takes_is_refused" {
  command = plan

  variables {
    pipelines = [for i in range(100) : "shop-release-${i}"]
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}

run "a_member_raises_an_alarm_if_events_are_not_forwarded_or_lost" {
  command = plan

  variables {
    alarm_topic_arn = "arn:aws:sns:eu-west-1:444455556666:oncall"
  }

  assert {
    condition = [for alarm in aws_cloudwatch_metric_alarm.undelivered : [alarm.namespace, alarm.metric_name, alarm.dimensions.QueueName, alarm.statistic]] == [
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", aws_sqs_queue.undelivered.name, "Maximum"],
    ]
    error_message = "alarms: ${jsonencode(aws_cloudwatch_metric_alarm.undelivered)}"
  }

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.lost : [alarm.namespace, alarm.metric_name, alarm.dimensions.RuleName, alarm.statistic]]) == toset([
      for rule in aws_cloudwatch_event_rule.this : ["AWS/Events", "InvocationsFailedToBeSentToDlq", rule.name, "Sum"]
    ])
    error_message = "alarms: ${jsonencode(aws_cloudwatch_metric_alarm.lost)}"
  }

  assert {
    condition = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.lost), aws_cloudwatch_metric_alarm.undelivered) :
      alarm.comparison_operator == "GreaterThanThreshold" && alarm.threshold == 0 && alarm.period == 300 && alarm.evaluation_periods == 1 && alarm.treat_missing_data == "notBreaching" &&
      alarm.alarm_actions == toset([var.alarm_topic_arn]) && alarm.ok_actions == toset([var.alarm_topic_arn])
    ])
    error_message = "an alarm is raised late, or nobody hears of it"
  }
}

run "a_members_queue_is_encrypted_and_takes_nothing_but_what_its_rules_cannot_deliver" {
  command = plan

  assert {
    condition     = aws_sqs_queue.undelivered.sqs_managed_sse_enabled && aws_sqs_queue.undelivered.message_retention_seconds == 1209600
    error_message = "the queue is not encrypted, or keeps messages for a shorter while"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.undelivered.policy).Statement == [
      {
        Sid       = "TakeWhatTheRulesCannotDeliver"
        Effect    = "Allow"
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws:sqs:eu-west-1:444455556666:tagalong-undelivered"
        Principal = { Service = "events.amazonaws.com" }
        Condition = { ArnEquals = { "aws:SourceArn" = [for name in ["deployment", "pipeline", "task"] : "arn:aws:events:eu-west-1:444455556666:rule/tagalong-${name}"] } }
      },
      {
        Sid       = "DenyWithoutTLS"
        Effect    = "Deny"
        Action    = "sqs:*"
        Resource  = "arn:aws:sqs:eu-west-1:444455556666:tagalong-undelivered"
        Principal = "*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
    error_message = "policy of the queue: ${aws_sqs_queue.undelivered.policy}"
  }
}

run "eventbridge_alone_forwards_for_a_member" {
  command = plan

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.forward_trust.json).Statement : [statement.Action, statement.Principal, statement.Condition]] == [
      ["sts:AssumeRole", { Service = "events.amazonaws.com" }, { StringEquals = { "aws:SourceAccount" = "444455556666" } }],
    ]
    error_message = "trust: ${data.aws_iam_policy_document.forward_trust.json}"
  }

  assert {
    condition     = [for statement in jsondecode(data.aws_iam_policy_document.forward.json).Statement : [statement.Action, statement.Resource]] == [["events:PutEvents", var.event_bus_arn]]
    error_message = "EventBridge may do ${data.aws_iam_policy_document.forward.json}"
  }
}

run "a_member_without_alarms_has_none" {
  command = plan

  variables {
    alarms = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.undelivered) + length(aws_cloudwatch_metric_alarm.lost) == 0
    error_message = "there are alarms"
  }
}

# By an ARN and not as a principal: then a role that is made anew is let in as before.
run "a_member_lets_nobody_but_the_functions_in_each_by_the_role_that_it_needs" {
  command = plan

  assert {
    condition = { for kind, document in data.aws_iam_policy_document.trust : aws_iam_role.this[kind].name => [
      for statement in jsondecode(document.json).Statement : [statement.Action, statement.Principal, toset(statement.Condition.ArnEquals["aws:PrincipalArn"])]
      ] } == {
      for name, functions in { "tagalong" = ["deployment", "pipeline", "sweep", "tagimage"], "tagalong-read" = ["history", "imagedefinitions"] } : name => [
        ["sts:AssumeRole", { AWS = "arn:aws:iam::111122223333:root" }, toset([for function in functions : "arn:aws:iam::111122223333:role/tagalong-${function}-eu-west-1"])],
      ]
    }
    error_message = "trust: ${jsonencode(data.aws_iam_policy_document.trust)}"
  }
}

run "a_role_that_nobody_may_take_is_not_made" {
  command = plan

  variables {
    role_arns = { deployment = "arn:aws:iam::111122223333:role/tagalong-deployment-eu-west-1" }
  }

  assert {
    condition     = keys(aws_iam_role.this) == ["tag"]
    error_message = "roles: ${jsonencode(keys(aws_iam_role.this))}"
  }
}

run "a_member_lets_itself_be_read_and_tagged_and_no_more" {
  command = plan

  variables {
    clusters     = ["prod"]
    repositories = ["shop/*"]
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this["tag"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "ecr:PutImage")] == [
      "arn:aws:ecr:*:444455556666:repository/shop/*",
    ]
    error_message = "policy: ${aws_iam_role_policy.this["tag"].policy}"
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this["tag"].policy).Statement : [toset(statement.Action), statement.Resource, statement.Condition.ArnLike["ecs:cluster"]] if try(statement.Condition.ArnLike, null) != null] == [
      [toset(["ecs:ListServices", "ecs:ListTasks"]), "*", "arn:aws:ecs:*:444455556666:cluster/prod"],
    ]
    error_message = "services and tasks of other clusters can be listed, or those of prod cannot: ${aws_iam_role_policy.this["tag"].policy}"
  }

  assert {
    condition = alltrue([for action in flatten([for statement in jsondecode(aws_iam_role_policy.this["tag"].policy).Statement : statement.Action]) :
      action == "ecr:PutImage" || can(regex(":(?:BatchGet|Describe|Get|List)[A-Za-z]+$", action))
    ])
    error_message = "policy: ${aws_iam_role_policy.this["tag"].policy}"
  }
}

run "who_only_reads_in_a_member_may_neither_tag_nor_remove" {
  command = plan

  variables {
    untag        = true
    clusters     = ["prod"]
    repositories = ["shop/*"]
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this["read"].policy).Statement : statement.Action => statement.Resource } == {
      "ecr:BatchGetImage"          = "arn:aws:ecr:*:444455556666:repository/shop/*"
      "ecs:DescribeServices"       = "arn:aws:ecs:*:444455556666:service/prod/*"
      "ecs:DescribeTaskDefinition" = "*"
    }
    error_message = "policy: ${aws_iam_role_policy.this["read"].policy}"
  }
}

run "a_member_lets_tags_be_removed_only_if_asked_to" {
  command = plan

  variables {
    untag        = true
    repositories = ["shop/*"]
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this["tag"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "ecr:BatchDeleteImage")] == [
      "arn:aws:ecr:*:444455556666:repository/shop/*",
    ] && strcontains(aws_iam_role_policy.this["tag"].policy, "ecr:DescribeRegistry")
    error_message = "policy: ${aws_iam_role_policy.this["tag"].policy}"
  }
}

run "a_member_lets_findings_be_read_only_if_asked_to" {
  command = plan

  variables {
    findings = "inspector"
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this["tag"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "inspector2:ListFindings")] == [
      "*",
    ] && !strcontains(aws_iam_role_policy.this["tag"].policy, "DescribeImageScanFindings") && !strcontains(aws_iam_role_policy.this["read"].policy, "inspector2:")
    error_message = "policy: ${aws_iam_role_policy.this["tag"].policy}"
  }
}

run "a_member_lets_lifecycle_policies_be_previewed_only_if_asked_to" {
  command = plan

  variables {
    lifecycle_check = true
    repositories    = ["shop/*"]
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this["tag"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "ecr:StartLifecyclePolicyPreview")] == [
      "arn:aws:ecr:*:444455556666:repository/shop/*",
    ] && !strcontains(aws_iam_role_policy.this["read"].policy, "LifecyclePolicyPreview")
    error_message = "policy: ${aws_iam_role_policy.this["tag"].policy}"
  }
}

run "a_member_lets_functions_be_looked_at_only_if_asked_to" {
  command = plan

  variables {
    functions_watched = true
    regions           = ["eu-west-1"]
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this["tag"].policy).Statement : statement.Sid => [toset(flatten([statement.Action])), statement.Resource] if endswith(statement.Sid, "Functions") } == {
      FindFunctions = [toset(["lambda:ListFunctions"]), "*"]
      ReadFunctions = [toset(["lambda:GetFunction", "lambda:ListAliases"]), "arn:aws:lambda:eu-west-1:444455556666:function:*"]
    } && !strcontains(aws_iam_role_policy.this["read"].policy, "lambda:")
    error_message = "policy: ${aws_iam_role_policy.this["tag"].policy}"
  }
}

run "in_further_regions_a_member_makes_no_second_role" {
  command = plan

  variables {
    create_role = false
  }

  assert {
    condition     = length(aws_iam_role.this) == 0 && output.entry.role == "arn:aws:iam::444455556666:role/tagalong" && output.entry.reader == "arn:aws:iam::444455556666:role/tagalong-read"
    error_message = "there is a role, or another is named"
  }
}

run "a_bus_or_role_that_is_none_is_refused_by_its_variable" {
  command = plan

  variables {
    event_bus_arn = "default"
    role_arns     = {}
    name          = "T"
    regions       = []
    clusters      = ["a/b"]
    repositories  = []
    pipelines     = []
    findings      = "trivy"

    alarm_topic_arn = "oncall"

    role_path            = "platform"
    permissions_boundary = "boundary"
    kms_key_arn          = "alias/queue"
  }

  expect_failures = [
    var.event_bus_arn, var.role_arns, var.name, var.regions, var.clusters, var.repositories, var.pipelines, var.findings, var.alarm_topic_arn,
    var.role_path, var.permissions_boundary, var.kms_key_arn,
  ]
}

run "roles_of_a_member_of_longer_names_than_iam_takes_are_refused" {
  command = plan

  variables {
    role_name_prefix = "a-prefix-of-more-than-33-characters"
  }

  expect_failures = [var.role_name_prefix]
}

run "a_longer_policy_of_a_member_than_iam_takes_is_refused" {
  command = plan

  variables {
    repositories = [for i in range(200) : "shop/service-${i}"]
  }

  expect_failures = [aws_iam_role_policy.this]
}

run "a_topic_of_a_region_that_is_not_the_members_is_refused" {
  command = plan

  variables {
    alarm_topic_arn = "arn:aws:sns:us-east-1:444455556666:oncall"
  }

  expect_failures = [aws_cloudwatch_metric_alarm.undelivered]
}
