# The examples, applied with mocked providers, and what they show.
mock_provider "aws" {
  source = "./tests/mocks/aws"
}

mock_provider "aws" {
  alias  = "member"
  source = "./tests/mocks/aws"
}

run "the_smallest_installation_is_one_call" {
  module {
    source = "./examples/minimal"
  }

  assert {
    condition     = output.table_name == "tagalong" && strcontains(output.command, "export TAGALONG_TABLE='tagalong'\n") && strcontains(output.command, "export AWS_REGION='${output.region}'\n")
    error_message = "the table is called ${output.table_name}, and the command needs ${output.command}"
  }
}

run "a_whole_installation_has_a_key_rules_alarms_and_actions" {
  module {
    source = "./examples/complete"
  }

  variables {
    pipeline_role_names = ["shop-release"]
    alarm_email         = "oncall@example.com"
    history_principals  = ["arn:aws:iam::111122223333:role/scanner", "444455556666"]
  }

  assert {
    condition     = output.table_name == "tagalong" && output.region != "" && length(jsondecode(output.environments)) == 2 && output.accounts == "[]" && strcontains(output.command, "TAGALONG_RETENTION_DAYS='730'")
    error_message = "the command's outputs are ${output.table_name}, ${output.region}, ${output.environments}, ${output.accounts}, ${output.command}"
  }

  assert {
    condition     = toset(keys(output.dead_letter_queue_urls)) == toset(["undelivered", "events", "tagimage", "imagedefinitions", "sweep"])
    error_message = "dead-letter queues: ${join(", ", keys(output.dead_letter_queue_urls))}"
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.this.arn && length(aws_sns_topic_subscription.alarms) == 1
    error_message = "the alarms' topic is not encrypted, or nobody is written to"
  }
}

run "a_member_account_forwards_its_events_and_lets_itself_be_looked_into" {
  module {
    source = "./examples/multi-account"
  }

  override_data {
    target = module.member.data.aws_caller_identity.this
    values = { account_id = "444455556666" }
  }

  variables {
    member_admin_role_arn = "arn:aws:iam::444455556666:role/admin"
  }

  assert {
    condition     = output.table_name == "tagalong"
    error_message = "the table is called ${output.table_name}"
  }
}
