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

run "a_key_of_ones_own_encrypts_the_table_the_queues_the_bus_and_the_schedule" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    accounts    = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" }]
  }

  assert {
    condition = (
      aws_scheduler_schedule.sweep.kms_key_arn == var.kms_key_arn &&
      aws_cloudwatch_event_bus.forwarded[0].kms_key_identifier == var.kms_key_arn &&
      aws_dynamodb_table.ledger.server_side_encryption[0].enabled &&
      aws_dynamodb_table.ledger.server_side_encryption[0].kms_key_arn == var.kms_key_arn &&
      alltrue([for queue in concat(values(aws_sqs_queue.events), [aws_sqs_queue.failed, aws_sqs_queue.undelivered]) : queue.kms_master_key_id == var.kms_key_arn]) &&
      local.function.kms_key_arn == var.kms_key_arn # logs and queues of the functions: modules/function
    )
    error_message = "the key is not used"
  }
}

run "the_schedule_uses_the_key_for_itself_and_its_queue_alone" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.schedule.json).Statement : [toset(statement.Action), statement.Resource, statement.Condition] if statement.Sid == "UseKeyOfScheduleAndQueue"] == [
      [toset(["kms:Decrypt", "kms:GenerateDataKey"]), var.kms_key_arn, { StringEquals = { "kms:ViaService" = ["scheduler.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"] } }],
    ]
    error_message = "the schedule may do ${data.aws_iam_policy_document.schedule.json}"
  }
}

run "without_a_key_nobody_may_use_one" {
  command = plan

  assert {
    condition     = !aws_dynamodb_table.ledger.server_side_encryption[0].enabled && local.function.kms_key_arn == null && !strcontains(data.aws_iam_policy_document.schedule.json, "kms:")
    error_message = "there is a key: ${data.aws_iam_policy_document.schedule.json}"
  }
}

run "the_examples_key_lets_the_account_decide_and_the_services_encrypt" {
  command = plan

  module {
    source = "./examples/complete"
  }

  override_data {
    target = module.tagalong.data.aws_caller_identity.this
    values = { account_id = "111122223333" }
  }

  assert {
    condition = { for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement : statement.Sid => [
      statement.Effect, toset(flatten([statement.Action])), statement.Resource, statement.Principal, try(jsonencode(statement.Condition), ""),
      ] } == {
      LetTheAccountDecide  = ["Allow", toset(["kms:*"]), "*", { AWS = "arn:aws:iam::111122223333:root" }, ""]
      LetEventsBeEncrypted = ["Allow", toset(["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]), "*", { Service = "events.amazonaws.com" }, ""]
      LetAlarmsBeEncrypted = ["Allow", toset(["kms:Decrypt", "kms:GenerateDataKey*"]), "*", { Service = "cloudwatch.amazonaws.com" },
      jsonencode({ StringEquals = { "aws:SourceAccount" = "111122223333" } })]
      LetLogsBeEncrypted = ["Allow", toset(["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]), "*", { Service = "logs.eu-west-1.amazonaws.com" },
      jsonencode({ ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/tagalong-*" } })]
    }
    error_message = "policy of the key: ${data.aws_iam_policy_document.key.json}"
  }

  assert {
    condition     = jsonencode(jsondecode(aws_kms_key.this.policy)) == jsonencode(jsondecode(data.aws_iam_policy_document.key.json)) && aws_kms_key.this.enable_key_rotation
    error_message = "the key has another policy, or is not rotated"
  }
}
