module "rules" {
  source = "./modules/rules"

  environments = var.environments
  accounts     = var.accounts
  promotions   = var.promotions
  own_account  = local.account
}

# Environment rules, accounts and promotions, as the functions read them: JSON in a variable,
# or in an item of the table when it is long, since Lambda allows 4 KB of
# environment in all. A short one costs no function's start a read.
locals {
  longest_inline = 1200

  # Without the attributes that are not set: the functions know a missing list,
  # and no null.
  documents = merge({
    environments = jsonencode([for rule in var.environments : { for key, value in rule : key => value if value != null }])
    accounts     = jsonencode(local.accounts)
  }, { for name in ["promotions"] : name => jsonencode(var.promotions) if var.promotions != null })

  # What some function reads.
  readings = merge(local.documents, { accounts-read = jsonencode(local.accounts_read) })

  # An item's name changes with its content, so that a function reads a new one:
  # it looks once, when it starts.
  items = {
    for name, document in local.readings :
    name => "@${name}-${substr(sha256(document), 0, 12)}" if length(document) > local.longest_inline
  }

  # By way of the item, so that it is there before a function that names it.
  settings = {
    for name, document in local.readings :
    name => contains(keys(local.items), name) ? jsondecode(aws_dynamodb_table_item.setting[name].item).pk.S : document
  }

  # Of a function that moves tags, or has them moved.
  environment = {
    TAGALONG_TABLE          = local.table_name
    TAGALONG_ENVIRONMENTS   = local.settings.environments
    TAGALONG_ACCOUNTS       = local.settings.accounts
    TAGALONG_LOG_LEVEL      = var.log_level
    TAGALONG_EVENT_BUS      = var.event_bus == null ? "" : var.event_bus
    TAGALONG_RETENTION_DAYS = var.retention_days == null ? "" : tostring(var.retention_days)
    TAGALONG_PENDING_AFTER  = var.pending_after
    TAGALONG_UNTAG          = var.untag ? "true" : ""
    TAGALONG_FUNCTIONS      = var.functions_watched ? "true" : ""
    TAGALONG_FINDINGS       = var.findings == null ? "" : var.findings

    TAGALONG_LIFECYCLE_CHECK  = var.lifecycle_check ? "true" : ""
    TAGALONG_CONTAINER_EVENTS = var.api_destination_arn == null ? "" : "true"
  }

  environment_read = merge(local.environment, { TAGALONG_ACCOUNTS = local.settings.accounts-read })

  environment_tagimage = merge(local.environment, {
    TAGALONG_PROMOTIONS = lookup(local.settings, "promotions", "")
  })
}

# For the command, whatever the functions get by variable: what a person does by hand
# is then what they would do. No function reads these.
resource "aws_dynamodb_table_item" "stored" {
  for_each = local.documents

  table_name = aws_dynamodb_table.ledger.name
  hash_key   = aws_dynamodb_table.ledger.hash_key
  range_key  = aws_dynamodb_table.ledger.range_key

  item = jsonencode({
    pk   = { S = "@${each.key}" }
    sk   = { S = "SETTING" }
    json = { S = each.value }
  })
}

# What the command's doctor looks at.
resource "aws_dynamodb_table_item" "installation" {
  table_name = aws_dynamodb_table.ledger.name
  hash_key   = aws_dynamodb_table.ledger.hash_key
  range_key  = aws_dynamodb_table.ledger.range_key

  item = jsonencode({
    pk   = { S = "@installation" }
    sk   = { S = "SETTING" }
    json = { S = jsonencode(local.installation) }
  })
}

locals {
  installation = {
    version     = local.build.version
    rules       = [for name, rule in local.rules : { name = "${var.name}-${name}", bus = rule.bus }]
    queues      = [for name in local.queued : local.queue_names[name]]
    deadLetters = local.dead_letter_queue_names
  }
}

resource "aws_dynamodb_table_item" "setting" {
  for_each = local.items

  table_name = aws_dynamodb_table.ledger.name
  hash_key   = aws_dynamodb_table.ledger.hash_key
  range_key  = aws_dynamodb_table.ledger.range_key

  item = jsonencode({
    pk   = { S = each.value }
    sk   = { S = "SETTING" }
    json = { S = local.readings[each.key] }
  })

  lifecycle {
    create_before_destroy = true # functions at work still name the old one
  }
}
