# One installation for an organization: a StackSet brings roles and rules into every account
# of the units that are named, and the module is told of the accounts.
module "tagalong" {
  source = "../../"

  organization_id = var.organization_id
  environments    = var.environments

  # The roles have one name in every account. An account that joins the units has its
  # stack at once, and is looked into with the next apply.
  accounts = [for account in var.accounts : {
    account = account
    role    = "arn:aws:iam::${account}:role/tagalong"
    reader  = "arn:aws:iam::${account}:role/tagalong-read"
    regions = var.regions
  }]
}

module "stackset" {
  source = "../../modules/member-stackset"

  organizational_unit_ids = var.organizational_unit_ids
  regions                 = var.regions
  event_bus_arn           = module.tagalong.event_bus_arn
  role_arns               = module.tagalong.role_arns
}
