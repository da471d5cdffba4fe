# What modules/rules says of every row of the tables.
locals {
  environments = { for row in jsondecode(file("${path.module}/environments.json")) : row.case => row }
  accounts     = { for row in jsondecode(file("${path.module}/accounts.json")) : row.case => row }
  promotions   = { for row in jsondecode(file("${path.module}/promotions.json")) : row.case => row }
}

module "environments" {
  source   = "../../modules/rules"
  for_each = local.environments

  environments = each.value.rules
  accounts     = []
  own_account  = "111122223333"
}

module "accounts" {
  source   = "../../modules/rules"
  for_each = local.accounts

  environments = []
  accounts     = each.value.accounts
  own_account  = "111122223333"
}

module "promotions" {
  source   = "../../modules/rules"
  for_each = local.promotions

  environments = []
  accounts     = []
  promotions   = each.value.promotions
  own_account  = "111122223333"
}

output "wrong_verdicts" {
  description = "Rows that are judged otherwise than the table says."
  value = concat(
    [for name, row in local.environments : "${name}: ${jsonencode(module.environments[name].environment_problems)}"
      if row.verdict == "good" ? length(module.environments[name].environment_problems) > 0 : !anytrue([
        for problem in module.environments[name].environment_problems : strcontains(problem, row.names)
      ])
    ],
    [for name, row in local.accounts : "${name}: ${jsonencode(module.accounts[name].account_problems)}"
      if row.verdict == "good" ? length(module.accounts[name].account_problems) > 0 : !anytrue([
        for problem in module.accounts[name].account_problems : strcontains(problem, row.names)
      ])
    ],
    [for name, row in local.promotions : "${name}: ${jsonencode(module.promotions[name].promotion_problems)}"
      if row.verdict == "good" ? length(module.promotions[name].promotion_problems) > 0 : !anytrue([
        for problem in module.promotions[name].promotion_problems : strcontains(problem, row.names)
      ])
    ],
  )
}
