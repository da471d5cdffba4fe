# Answers questions over HTTP.
module "history" {
  source = "./modules/function"

  name        = "history"
  description = "Tagalong: answers what runs and ran"
  settings    = merge(local.function, { retries = null, reserved_concurrency = null }) # it is asked, and waits for no queue
  environment = local.environment_read
  policy      = data.aws_iam_policy_document.history.json
}

data "aws_iam_policy_document" "history" {
  source_policy_documents = [
    data.aws_iam_policy_document.ledger_read.json,
    data.aws_iam_policy_document.images_read.json,
    data.aws_iam_policy_document.member_accounts_read.json,
  ]
}

# Lambda keeps an account as the ARN of its root: given as a number it would be
# another one to every plan, and be made anew.
locals {
  history_principals = [for principal in var.history_principals :
    can(regex("^[0-9]{12}$", principal)) ? "arn:${local.partition}:iam::${principal}:root" : principal
  ]
}

resource "aws_lambda_function_url" "history" {
  function_name      = module.history.function_name
  authorization_type = "AWS_IAM"
}

# A caller by URL needs both permissions. That the second one is for the URL
# alone can only be said to version 6 of the provider; what it allows besides is
# the same questions, asked directly. They are counted, since the ARN of a
# principal that is made beside them is not known while planning.
resource "aws_lambda_permission" "history_url" {
  count = length(local.history_principals)

  function_name          = module.history.function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = local.history_principals[count.index]
  function_url_auth_type = aws_lambda_function_url.history.authorization_type
}

resource "aws_lambda_permission" "history" {
  count = length(local.history_principals)

  function_name = module.history.function_name
  action        = "lambda:InvokeFunction"
  principal     = local.history_principals[count.index]
}
