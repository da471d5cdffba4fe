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

run "the_table_is_billed_by_use_and_not_deleted_by_accident" {
  command = plan

  assert {
    condition = (
      aws_dynamodb_table.ledger.billing_mode == "PAY_PER_REQUEST" &&
      aws_dynamodb_table.ledger.deletion_protection_enabled &&
      aws_dynamodb_table.ledger.point_in_time_recovery[0].enabled
    )
    error_message = "the table is not on demand, protected and restorable"
  }
}

run "the_table_is_the_one_that_the_command_makes" {
  command = plan

  # A Go test keeps the file equal to what `tagalong ledger create` makes.
  assert {
    condition = jsondecode(file("tests/table.json")) == {
      keys       = [aws_dynamodb_table.ledger.hash_key, aws_dynamodb_table.ledger.range_key]
      attributes = { for attribute in aws_dynamodb_table.ledger.attribute : attribute.name => attribute.type }
      indexes    = { for index in aws_dynamodb_table.ledger.global_secondary_index : index.name => [index.hash_key, index.range_key, index.projection_type] }
    }
    error_message = "the table is another"
  }
}

run "rows_are_kept_for_ever" {
  command = plan

  assert {
    condition     = !one(aws_dynamodb_table.ledger.ttl).enabled && local.environment.TAGALONG_RETENTION_DAYS == ""
    error_message = "rows expire although no retention is set, or go on expiring"
  }
}

run "rows_expire_where_a_retention_is_set" {
  command = plan

  variables {
    retention_days = 90
  }

  assert {
    condition     = one(aws_dynamodb_table.ledger.ttl).attribute_name == "expires" && one(aws_dynamodb_table.ledger.ttl).enabled && local.environment.TAGALONG_RETENTION_DAYS == "90"
    error_message = "table and functions do not agree on the retention"
  }
}

run "short_rules_stand_in_the_environment" {
  command = plan

  variables {
    environments = [{ environment = "prod", clusters = ["prod-*"] }]
  }

  assert {
    condition     = local.environment.TAGALONG_ENVIRONMENTS == jsonencode([{ clusters = ["prod-*"], environment = "prod" }])
    error_message = "the functions read ${local.environment.TAGALONG_ENVIRONMENTS}"
  }

  assert {
    condition     = length(aws_dynamodb_table_item.setting) == 0
    error_message = "there are items that no function reads"
  }
}

run "rules_and_accounts_are_always_in_the_table" {
  command = plan

  variables {
    environments = [{ environment = "prod", clusters = ["prod-*"] }]
  }

  assert {
    condition = { for item in aws_dynamodb_table_item.stored : jsondecode(item.item).pk.S => [jsondecode(item.item).sk.S, jsondecode(item.item).json.S] } == {
      "@environments" = ["SETTING", local.documents.environments]
      "@accounts"     = ["SETTING", "[]"]
    }
    error_message = "items: ${jsonencode(aws_dynamodb_table_item.stored)}"
  }
}

# tests/installation.json is what a Go test reads as the command's doctor does.
run "what_is_installed_is_in_the_table" {
  command = plan

  assert {
    condition     = jsondecode(aws_dynamodb_table_item.installation.item).pk.S == "@installation" && jsondecode(jsondecode(aws_dynamodb_table_item.installation.item).json.S) == jsondecode(file("tests/installation.json"))
    error_message = "item: ${aws_dynamodb_table_item.installation.item}"
  }
}

run "the_command_needs_a_table_and_a_region_and_no_rules" {
  command = plan

  variables {
    environments   = [{ environment = "prod", clusters = ["prod-*"] }]
    retention_days = 90
    event_bus      = "releases"
  }

  assert {
    condition = toset(split("\n", trimspace(output.command))) == toset([
      "export AWS_REGION='eu-west-1'", "export TAGALONG_TABLE='tagalong'", "export TAGALONG_RETENTION_DAYS='90'",
      "export TAGALONG_EVENT_BUS='releases'", "export TAGALONG_PENDING_AFTER='1h'",
    ])
    error_message = output.command
  }
}

run "long_rules_stand_in_an_item_of_the_table" {
  command = plan

  variables {
    environments = [for i in range(40) : { environment = "environment-${i}", clusters = ["cluster-${i}"] }]
  }

  assert {
    condition = (
      jsondecode(aws_dynamodb_table_item.setting["environments"].item).sk.S == "SETTING" &&
      jsondecode(aws_dynamodb_table_item.setting["environments"].item).pk.S == local.environment.TAGALONG_ENVIRONMENTS &&
      jsondecode(aws_dynamodb_table_item.setting["environments"].item).json == jsondecode(aws_dynamodb_table_item.stored["environments"].item).json &&
      length(jsondecode(jsondecode(aws_dynamodb_table_item.setting["environments"].item).json.S)) == 40
    )
    error_message = "the item ${aws_dynamodb_table_item.setting["environments"].item} is not what ${local.environment.TAGALONG_ENVIRONMENTS} names"
  }

  assert {
    condition     = can(regex("^@environments-[0-9a-f]{12}$", local.environment.TAGALONG_ENVIRONMENTS))
    error_message = "${local.environment.TAGALONG_ENVIRONMENTS} does not change with the rules"
  }
}
