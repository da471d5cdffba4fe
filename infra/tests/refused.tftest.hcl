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

run "a_template_that_gives_no_legal_tag_is_refused" {
  command = plan

  variables {
    environments = [{ environment = "prod", tags = ["{environment}/{service}"] }]
  }

  expect_failures = [output.environments]
}

run "a_rule_that_an_earlier_one_hides_is_refused" {
  command = plan

  variables {
    environments = [{ environment = "all" }, { environment = "prod", clusters = ["prod-*"] }]
  }

  expect_failures = [output.environments]
}

run "a_rule_that_names_nothing_since_an_attribute_is_misspelt_is_refused" {
  command = plan

  variables {
    environments = [{ environment = "prod", cluster = ["prod-*"] }]
  }

  expect_failures = [output.environments]
}

run "a_wrong_account_is_refused" {
  command = plan

  variables {
    accounts = [{ account = "44445555666", role = "arn:aws:iam::444455556666:role/tagalong" }]
  }

  expect_failures = [output.accounts]
}

run "another_account_without_a_role_is_refused" {
  command = plan

  variables {
    accounts = [{ account = "444455556666" }]
  }

  expect_failures = [output.accounts]
}

run "any_other_wrong_value_is_refused_by_its_variable" {
  command = plan

  variables {
    name                 = "Tagalong_"
    dist                 = ""
    architecture         = "arm"
    regions              = ["Ireland"]
    clusters             = ["arn:aws:ecs:eu-west-1:111122223333:cluster/prod"]
    repositories         = ["111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop"]
    pipelines            = []
    retention_days       = 0.5
    kms_key_arn          = "alias/ledger"
    log_retention_days   = 2
    log_level            = "trace"
    memory_size          = 64
    timeout              = 3
    reserved_concurrency = 0
    retries              = { event_hours = 25 }
    extra_environment    = { TAGALONG_TABLE = "other" }
    history_principals   = ["*"]
    event_bus            = "aws.partner/example.com/1/2"
    alarm_topic_arn      = "oncall"
    sweep_schedule       = "hourly"
    sweep_timeout        = 901
    pending_after        = "0h"
    findings             = "trivy"

    s3                      = { bucket = "Acme" }
    role_path               = "platform"
    permissions_boundary    = "boundary"
    vpc                     = { subnet_ids = [], security_group_ids = ["sg-0123456789abcdef0"] }
    code_signing_config_arn = "csc-0123456789abcdef0"
    organization_id         = "acme"
    on_demand_limits        = { read = 4000, write = 1 }
  }

  expect_failures = [
    var.name, var.dist, var.architecture, var.regions, var.clusters, var.repositories, var.pipelines, var.retention_days,
    var.kms_key_arn, var.log_retention_days, var.log_level, var.memory_size, var.timeout, var.reserved_concurrency, var.retries,
    var.extra_environment, var.history_principals, var.event_bus, var.alarm_topic_arn, var.sweep_schedule, var.sweep_timeout,
    var.pending_after, var.findings, var.s3, var.role_path, var.permissions_boundary, var.vpc, var.code_signing_config_arn, var.organization_id, var.on_demand_limits,
  ]
}

run "a_topic_or_destination_that_is_none_is_refused" {
  command = plan

  variables {
    event_bus           = "releases"
    chat_topic_arn      = "releases"
    api_destination_arn = "https://example.com"
  }

  expect_failures = [var.chat_topic_arn, var.api_destination_arn]
}

run "roles_of_longer_names_than_iam_takes_are_refused" {
  command = plan

  variables {
    role_name_prefix = "a-prefix-of-30-characters-long"
  }

  expect_failures = [var.role_name_prefix]
}

run "logs_that_make_no_metrics_are_refused_beside_alarms" {
  command = plan

  variables {
    log_class = "INFREQUENT_ACCESS"
  }

  expect_failures = [var.log_class]
}

# Of two variables of which one is held against the other Terraform looks at one alone.
run "a_single_batch_at_once_is_refused" {
  command = plan

  variables {
    maximum_concurrency = 1
  }

  expect_failures = [var.maximum_concurrency]
}

run "half_an_hour_of_retries_is_refused" {
  command = plan

  variables {
    retries = { event_hours = 1.5 }
  }

  expect_failures = [var.retries]
}

run "a_variable_that_lambda_sets_itself_is_refused" {
  command = plan

  variables {
    extra_environment = { AWS_LAMBDA_EXEC_WRAPPER = "/opt/wrapper" }
  }

  expect_failures = [var.extra_environment]
}

run "an_endpoint_may_be_set" {
  command = plan

  variables {
    extra_environment = { AWS_ENDPOINT_URL = "https://example.com", AWS_ENDPOINT_URL_ECS = "https://example.com", AWS_USE_FIPS_ENDPOINT = "true" }
  }

  assert {
    condition     = local.function.extra_environment.AWS_ENDPOINT_URL_ECS == "https://example.com"
    error_message = "the functions are not given the endpoint"
  }
}

run "a_key_of_another_region_is_refused" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  expect_failures = [aws_dynamodb_table.ledger]
}

run "a_topic_of_another_region_is_refused" {
  command = plan

  variables {
    alarm_topic_arn = "arn:aws:sns:us-east-1:111122223333:oncall"
  }

  expect_failures = [aws_cloudwatch_metric_alarm.dead_letters]
}

run "more_of_lambdas_retries_than_there_are_is_refused" {
  command = plan

  variables {
    retries = { function_attempts = 3 }
  }

  expect_failures = [var.retries]
}

run "regions_that_leave_out_the_one_that_is_covered_are_refused" {
  command = plan

  variables {
    regions = ["us-*"]
  }

  expect_failures = [output.accounts]
}

run "a_region_of_our_own_account_that_the_functions_may_not_look_into_is_refused" {
  command = plan

  variables {
    regions  = ["eu-*"]
    accounts = [{ account = "111122223333", regions = ["us-east-1"] }]
  }

  expect_failures = [output.accounts]
}

run "clusters_of_our_own_account_among_the_accounts_are_refused" {
  command = plan

  variables {
    accounts = [{ account = "111122223333", clusters = ["prod"] }]
  }

  expect_failures = [output.accounts]
}

run "a_reader_of_another_account_is_refused" {
  command = plan

  variables {
    accounts = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong", reader = "arn:aws:iam::777788889999:role/tagalong-read" }]
  }

  expect_failures = [output.accounts]
}
