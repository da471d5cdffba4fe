# What is wrong with environments, accounts and promotions, in sentences. The functions
# check the same at their start (functions/internal/tagalong/environment.go and
# promotionrules.go, functions/internal/boot/accounts.go); both are held against the
# tables in tests/. Only this module refuses a rule that never matches, and one that matches
# every service without saying so: Terraform drops attributes that it does not
# know, so that clusters misspelt are none, which to the functions is all.
locals {
  scopes     = ["accounts", "regions", "clusters", "services"]               # whose service it is
  rule_lists = concat(local.scopes, ["pipelines", "stages", "repositories"]) # these say whose release it gets, and what is tagged

  # What belongs to an environment, as functions/internal/tagalong/kind.go has them.
  kinds = ["service", "task", "function"]

  # {time} gives each completion a tag of its own, which is put once and never moved.
  placeholders = {
    tags         = ["{environment}", "{cluster}", "{service}", "{container}", "{time}"]
    previousTags = ["{environment}", "{cluster}", "{service}", "{container}"]
  }

  # The templates of each rule, by their list; missing tags are one.
  templates = [for rule in var.environments : {
    tags         = try(coalescelist(rule.tags, ["{environment}"]), ["{environment}"])
    previousTags = coalesce(rule.previousTags, [])
  }]

  # Of Go's path.Match: a character of a class, and a whole glob.
  class_member = "(?:[^\\\\\\]-]|\\\\.)"
  glob         = "^(?:[^\\\\\\[]|\\\\.|\\[\\^?(?:${local.class_member}(?:-${local.class_member})?)+\\])+$"

  rule_problems = concat(
    flatten([for i, rule in var.environments : concat(
      can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", rule.environment)) ? [] : [
        "environments[${i}].environment \"${rule.environment}\": want 1 to 63 letters, digits, dots, underscores or hyphens, a letter or digit first.",
      ],
      [for list in local.rule_lists : [for glob in coalesce(rule[list], []) :
        "environments[${i}].${list} \"${glob}\": want a glob of names, such as prod-*." if !can(regex(local.glob, glob))
      ]],
      [for kind in coalesce(rule.kinds, []) :
        "environments[${i}].kinds \"${kind}\": want ${join(", ", slice(local.kinds, 0, length(local.kinds) - 1))} or ${local.kinds[length(local.kinds) - 1]}." if !contains(local.kinds, kind)
      ],
      length(flatten([for list in local.scopes : coalesce(rule[list], [])])) > 0 ? [] : [
        "environments[${i}] (${rule.environment}) names none of ${join(", ", local.scopes)}: want at least one, or clusters = [\"*\"] for every service; is one misspelt?",
      ],
      length(local.templates[i].tags) <= 5 ? [] : [
        "environments[${i}].tags: ${length(rule.tags)} templates: want at most 5.",
      ],
      length(local.templates[i].tags) > 5 || length(concat(local.templates[i].tags, local.templates[i].previousTags)) <= 5 ? [] : [
        "environments[${i}].previousTags: ${length(rule.previousTags)} templates beside ${length(local.templates[i].tags)} of tags: want at most 5 in all.",
      ],
      [for list, templates in local.templates[i] : [for template in templates : [for name in regexall("\\{[^{}]*\\}", template) :
        "environments[${i}].${list} \"${template}\": placeholder ${name}: want ${join(", ", local.placeholders[list])}." if !contains(local.placeholders[list], name)
      ]]],
      [for list, templates in local.templates[i] : [for template in templates :
        "environments[${i}].${list} \"${template}\": gives tags such as \"${local.samples[i][template]}\": want 1 to 128 letters, digits, underscores, dots or hyphens, neither dot nor hyphen first."
        if !can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", local.samples[i][template])) &&
        length(setsubtract(regexall("\\{[^{}]*\\}", template), local.placeholders[list])) == 0
      ]],
      [for template in local.templates[i].previousTags :
        "environments[${i}].previousTags \"${template}\": is one of tags, too: want another one, such as {environment}-previous." if contains(local.templates[i].tags, template)
      ],
    )]),
    [for hidden in local.hidden_rules :
      "environments[${hidden.later}] (${var.environments[hidden.later].environment}) never matches: environments[${hidden.earlier}] (${var.environments[hidden.earlier].environment}) takes all that it names; want the narrower rule first."
    ],
  )

  # A tag that each template gives.
  samples = [for i, rule in var.environments : {
    for template in distinct(concat(local.templates[i].tags, local.templates[i].previousTags)) : template => replace(replace(replace(replace(replace(template,
    "{environment}", rule.environment), "{cluster}", "c"), "{service}", "s"), "{container}", "c"), "{time}", "19700101T000000Z")
  }]

  # Every glob as an expression that finds the globs which it covers, read as texts: a
  # star takes anything, a question mark one character that is no star. Of globs with
  # classes or backslashes there is none.
  covering = { for glob in distinct(flatten([for rule in var.environments : [for list in local.scopes : coalesce(rule[list], [])]])) :
    glob => "^${replace(replace(replace(glob, "/[.+^$(){}|]/", "\\$0"), "*", ".*"), "?", "[^*]")}$" if can(regex("^[^\\[\\\\]*$", glob))
  }

  # Pairs of rules of which the earlier matches whatever the later matches: in
  # each list a glob of the earlier one covers every glob of the later one. One with
  # classes or backslashes is covered by itself, or a literal beginning and a star.
  # What several earlier rules hide together is not seen.
  hidden_rules = flatten([for j, later in var.environments : [for i, earlier in slice(var.environments, 0, j) :
    { earlier = i, later = j } if alltrue([for list in local.scopes :
      alltrue([for glob in try(coalescelist(later[list], ["*"]), ["*"]) :
        anytrue([for wide in try(coalescelist(earlier[list], ["*"]), ["*"]) :
          wide == glob || wide == "*" ||
          contains(keys(local.covering), glob) && can(regex(local.covering[wide], glob)) ||
          can(regex("^[^*?\\[\\\\]*\\*$", wide)) && startswith(glob, trimsuffix(wide, "*"))
        ])
      ])
    ]) && length(setsubtract(coalescelist(coalesce(later.kinds, []), local.kinds), coalescelist(coalesce(earlier.kinds, []), local.kinds))) == 0
  ]])

  account_problems = flatten([for i, entry in var.accounts : concat(
    can(regex("^[0-9]{12}$", entry.account)) ? [] : [
      "accounts[${i}].account \"${entry.account}\": want 12 digits.",
    ],
    !contains(slice(var.accounts[*].account, 0, i), entry.account) ? [] : [
      "accounts[${i}].account \"${entry.account}\": listed before; want each account once.",
    ],
    entry.role == null || can(regex("^arn:aws(?:-[a-z]+)*:iam::${entry.account}:role/[A-Za-z0-9_+=,.@/-]{1,512}$", entry.role)) ? [] : [
      "accounts[${i}].role \"${coalesce(entry.role, "null")}\": want the ARN of a role of account ${entry.account}, such as arn:aws:iam::${entry.account}:role/tagalong.",
    ],
    entry.reader == null || can(regex("^arn:aws(?:-[a-z]+)*:iam::${entry.account}:role/[A-Za-z0-9_+=,.@/-]{1,512}$", entry.reader)) ? [] : [
      "accounts[${i}].reader \"${coalesce(entry.reader, "null")}\": want the ARN of a role of account ${entry.account}, such as arn:aws:iam::${entry.account}:role/tagalong-read.",
    ],
    entry.role != null || entry.account == var.own_account || length(coalesce(entry.repositories, [])) > 0 ? [] : [
      "accounts[${i}] (${entry.account}) has neither role nor repositories: want a role, since our own account is ${var.own_account}, or repositories whose policies let us in.",
    ],
    [for list in ["clusters", "repositories"] : [for glob in coalesce(entry[list], []) :
      "accounts[${i}].${list} \"${glob}\": want a glob of names, such as prod-*." if !can(regex(local.glob, glob))
    ]],
    [for region in coalesce(entry.regions, []) :
      "accounts[${i}].regions \"${region}\": want the name of an AWS Region, such as us-east-1." if !can(regex("^[a-z]{2,}(?:-[a-z]+)+-[0-9]$", region))
    ],
  )])

  # Both lists are named, since Terraform drops one that is misspelt, and a missing one is
  # all.
  promotion_problems = flatten([for i, rule in coalesce(var.promotions, []) : concat(
    [for list in ["pipelines", "repositories"] :
      "promotions[${i}] names no ${list}: want at least one, or ${list} = [\"*\"] for all of them; is it misspelt?" if length(coalesce(rule[list], [])) == 0
    ],
    [for glob in coalesce(rule.pipelines, []) :
      "promotions[${i}].pipelines \"${glob}\": want a glob of pipelines' names, such as checkout-*, with its account before it or not, such as 444455556666/checkout-*."
      if !can(regex("^(?:(?:[0-9]{12}|\\*)/)?[^/]+$", glob)) || !can(regex(local.glob, glob))
    ],
    [for glob in coalesce(rule.repositories, []) :
      "promotions[${i}].repositories \"${glob}\": want a glob of names, such as checkout-*." if !can(regex(local.glob, glob))
    ],
  )])
}
