# CodePipeline's action that writes imagedefinitions.json, pinned by digest. It
# has no table; artifacts go by the job's own credentials.
module "imagedefinitions" {
  source = "./modules/function"

  name        = "imagedefinitions"
  description = "Tagalong: CodePipeline action that writes imagedefinitions.json"
  settings    = local.function
  environment = { TAGALONG_LOG_LEVEL = local.environment.TAGALONG_LOG_LEVEL }
  policy      = data.aws_iam_policy_document.imagedefinitions.json
}

data "aws_iam_policy_document" "imagedefinitions" {
  source_policy_documents = [
    data.aws_iam_policy_document.images_read.json,
    data.aws_iam_policy_document.jobs.json,
  ]

  statement {
    sid       = "ReadServices"
    actions   = ["ecs:DescribeServices"]
    resources = local.ecs_arns.service
  }

  # AWS offers neither resources nor conditions for this.
  statement {
    sid       = "ReadTaskDefinitions"
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"]
  }
}
