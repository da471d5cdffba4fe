# The real provider, out of reach of AWS. What the template brings is held against what
# modules/member-account makes by a Go test, TestPlanOfAStackSet.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  organizational_unit_ids = ["ou-ab12-11111111"]
  regions                 = ["eu-west-1", "us-east-1"]
  event_bus_arn           = "arn:aws:events:eu-west-1:111122223333:event-bus/tagalong-forwarded"
  role_arns = {
    sweep   = "arn:aws:iam::111122223333:role/tagalong-sweep-eu-west-1"
    history = "arn:aws:iam::111122223333:role/tagalong-history-eu-west-1"
  }
}

run "a_stackset_takes_accounts_that_join_the_units" {
  command = plan

  assert {
    condition = (
      aws_cloudformation_stack_set.this.permission_model == "SERVICE_MANAGED" && one(aws_cloudformation_stack_set.this.auto_deployment).enabled &&
      aws_cloudformation_stack_instances.this.regions == toset(var.regions) &&
      one(aws_cloudformation_stack_instances.this.deployment_targets).organizational_unit_ids == toset(var.organizational_unit_ids)
    )
    error_message = "StackSet: ${jsonencode(aws_cloudformation_stack_set.this)}"
  }
}

run "a_stackset_makes_the_roles_in_one_region" {
  command = plan

  assert {
    condition = jsondecode(output.template).Conditions.MakesRoles == { "Fn::Equals" = [{ Ref = "AWS::Region" }, "eu-west-1"] } && toset([
      for name, resource in jsondecode(output.template).Resources : name if try(resource.Condition, "") == "MakesRoles"
    ]) == toset(["TagRole", "ReadRole"])
    error_message = "template: ${output.template}"
  }
}

run "a_unit_or_region_that_is_none_is_refused_by_its_variable" {
  command = plan

  variables {
    organizational_unit_ids = ["platform"]
    regions                 = ["eu-*"]
    event_bus_arn           = "default"
    role_arns               = {}
    role_path               = "platform"
    permissions_boundary    = "a boundary"
    clusters                = ["a/b"]
    repositories            = []
    pipelines               = []
    findings                = "trivy"
    name                    = "T"
  }

  expect_failures = [
    var.organizational_unit_ids, var.regions, var.event_bus_arn, var.role_arns, var.role_path, var.permissions_boundary,
    var.clusters, var.repositories, var.pipelines, var.findings, var.name,
  ]
}

run "roles_of_a_stackset_of_longer_names_than_iam_takes_are_refused" {
  command = plan

  variables {
    role_name_prefix = "a-prefix-of-more-than-33-characters"
  }

  expect_failures = [var.role_name_prefix]
}

run "a_longer_template_than_cloudformation_takes_is_refused" {
  command = plan

  variables {
    repositories = [for i in range(800) : "shop/service-${i}"]
  }

  expect_failures = [aws_cloudformation_stack_set.this]
}
