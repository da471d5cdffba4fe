# CodePipeline's action that tags an image. A pipeline's role may call it once
# modules/codepipeline-actions says so.
module "tagimage" {
  source = "./modules/function"
  count  = var.functions.tagimage ? 1 : 0

  name        = "tagimage"
  description = "Tagalong: CodePipeline action that tags an image"
  settings    = local.function
  environment = local.environment_tagimage
  policy      = data.aws_iam_policy_document.tagimage.json
}

data "aws_iam_policy_document" "tagimage" {
  source_policy_documents = [
    data.aws_iam_policy_document.ledger_promote.json,
    data.aws_iam_policy_document.images_tag.json,
    data.aws_iam_policy_document.jobs.json,
    data.aws_iam_policy_document.member_accounts_tag.json,
  ]

  statement {
    sid       = "KnowThePipeline" # to know which execution and stage a job is of
    actions   = ["codepipeline:ListActionExecutions"]
    resources = local.pipeline_arns
  }
}
