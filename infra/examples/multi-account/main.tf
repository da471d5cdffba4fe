provider "aws" {
  region = var.region
}

provider "aws" {
  alias  = "member"
  region = var.region

  assume_role {
    role_arn = var.member_admin_role_arn
  }
}

module "tagalong" {
  source = "../../"

  # The first rule names the member's account, so that its services move tags in the
  # registry of this account, too. By the second one services move tags in that of their
  # own account alone.
  environments = [
    { environment = "prod", accounts = [module.member.account] },
    { environment = "staging", clusters = ["*"] },
  ]

  accounts = [module.member.entry]
}

module "member" {
  source    = "../../modules/member-account"
  providers = { aws = aws.member }

  event_bus_arn = module.tagalong.event_bus_arn
  role_arns     = module.tagalong.role_arns
}
