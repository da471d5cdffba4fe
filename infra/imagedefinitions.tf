# CodePipeline's action that writes imagedefinitions.json, pinned by digest. It
# knows the table only where accounts lie in it; artifacts go by the job's own
# credentials.
module "imagedefinitions" {
  source = "./modules/function"
  count  = var.functions.imagedefinitions ? 1 : 0

  name        = "imagedefinitions"
  description = "Tagalong: CodePipeline action that writes imagedefinitions.json"
  settings    = local.function
  environment = local.imagedefinitions
  policy      = data.aws_iam_policy_document.imagedefinitions.json
}

locals {
  imagedefinitions = {
    TAGALONG_TABLE     = contains(keys(local.items), "accounts-read") ? local.table_name : ""
    TAGALONG_ACCOUNTS  = local.settings.accounts-read
    TAGALONG_LOG_LEVEL = var.log_level
  }
}

data "aws_iam_policy_document" "imagedefinitions" {
  source_policy_documents = [
    data.aws_iam_policy_document.images_read.json,
    data.aws_iam_policy_document.task_definitions.json,
    data.aws_iam_policy_document.jobs.json,
    data.aws_iam_policy_document.member_accounts_read.json,
  ]

  statement {
    sid       = "ReadServices" # to hold the file's containers against those of the service
    actions   = ["ecs:DescribeServices"]
    resources = local.ecs_arns.service
  }

  dynamic "statement" {
    for_each = contains(keys(local.items), "accounts-read") ? [local.table_arn] : []

    content {
      sid       = "ReadAccounts" # to read accounts that are too long for a variable
      actions   = ["dynamodb:BatchGetItem"]
      resources = [statement.value]

      # By its beginning: while accounts change, the function still names the item before.
      condition {
        test     = "ForAllValues:StringLike"
        variable = "dynamodb:LeadingKeys"
        values   = ["@accounts-read-*"]
      }
    }
  }
}
