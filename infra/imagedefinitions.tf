# CodePipeline's action that writes imagedefinitions.json, pinned by digest. It
# has no table, so that accounts are given to it only if they fit the variable;
# artifacts go by the job's own credentials.
module "imagedefinitions" {
  source = "./modules/function"

  name        = "imagedefinitions"
  description = "Tagalong: CodePipeline action that writes imagedefinitions.json"
  settings    = local.function
  environment = {
    TAGALONG_ACCOUNTS  = length(local.documents.accounts) <= 3000 ? local.documents.accounts : ""
    TAGALONG_LOG_LEVEL = var.log_level
  }
  policy = data.aws_iam_policy_document.imagedefinitions.json
}

data "aws_iam_policy_document" "imagedefinitions" {
  source_policy_documents = [
    data.aws_iam_policy_document.images_read.json,
    data.aws_iam_policy_document.task_definitions.json,
    data.aws_iam_policy_document.jobs.json,
    data.aws_iam_policy_document.member_accounts.json,
  ]

  statement {
    sid       = "ReadServices"
    actions   = ["ecs:DescribeServices"]
    resources = local.ecs_arns.service
  }
}
