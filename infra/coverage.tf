# What of our own account the functions are given, where variables narrow it: they leave
# the rest alone, as the rules for events do and the functions' policies.
locals {
  own_entry = try([for entry in var.accounts : entry if entry.account == local.account][0], null)

  # Regions by their names are covered, and swept. Patterns say no names: beside them the
  # module's own Region is covered and, of registries, those of all that match.
  regions_by_pattern = anytrue([for region in var.regions : can(regex("[*?]", region))])
  registries_differ  = local.regions_by_pattern && !contains(var.regions, "*")
  covered_regions    = try(coalescelist(local.own_entry.regions), local.regions_by_pattern ? null : distinct(var.regions))

  own_repositories = [for pair in setproduct(var.regions, [for repository in var.repositories : repository if !startswith(repository, "arn:")]) :
    local.registries_differ ? "${local.account}.dkr.ecr.${pair[0]}.${data.aws_partition.this.dns_suffix}/${pair[1]}" : pair[1]
  ]

  # Those by their whole ARNs, such as arn:aws:ecr:eu-west-1:444455556666:repository/base:
  # of other accounts, whose repositories let us in by their policies.
  repositories_by_arn = [for parts in [for repository in var.repositories : split(":", repository) if startswith(repository, "arn:")] : {
    account = parts[4]
    glob    = "${parts[4]}.dkr.ecr.${parts[3]}.${data.aws_partition.this.dns_suffix}/${trimprefix(parts[5], "repository/")}"
  }]

  # What is null is not narrowed.
  own_coverage = { for key, value in {
    regions      = local.covered_regions
    clusters     = contains(var.clusters, "*") ? null : distinct(var.clusters)
    repositories = contains(var.repositories, "*") && !local.registries_differ ? null : distinct(concat(local.own_repositories, local.repositories_by_arn[*].glob))
  } : key => value if value != null }

  # An entry without Regions covers the module's own.
  own_listed  = local.own_entry != null || length(local.own_coverage) > 0
  own_regions = local.own_listed ? coalesce(local.covered_regions, [local.region]) : null

  uncovered_regions = [for region in coalesce(local.own_regions, [local.region]) : region
    if !anytrue([for pattern in var.regions : can(regex("^${replace(replace(pattern, "*", ".*"), "?", ".")}$", region))])
  ]
}

# The accounts as the functions are told of them: those that are listed, our own one
# with what it is narrowed to, and others of which we have but some repositories.
locals {
  accounts = concat(
    [for entry in var.accounts : merge(
      { for key, value in entry : key => value if value != null && key != "reader" },
      { for key, value in local.own_coverage : key => value if entry.account == local.account },
    )],
    [for coverage in [local.own_coverage] : merge({ account = local.account }, coverage) if local.own_listed && local.own_entry == null],
    [for account in setsubtract(local.repositories_by_arn[*].account, concat(var.accounts[*].account, [local.account])) : {
      account = account, repositories = distinct([for repository in local.repositories_by_arn : repository.glob if repository.account == account])
    }],
  )

  # As those functions are told that only read: by the role that may no more than that.
  accounts_read = [for entry in local.accounts : merge(entry, {
    for reader in [for listed in var.accounts : listed.reader if listed.account == entry.account] : "role" => reader if reader != null
  })]
}
