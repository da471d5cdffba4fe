# Answers questions over HTTP.
module "history" {
  source = "./modules/function"

  name        = "history"
  description = "Tagalong: answers what runs and ran"
  settings    = merge(local.function, { retries = null, reserved_concurrency = null }) # it is asked, and waits for no queue
  environment = local.environment
  policy      = data.aws_iam_policy_document.history.json
}

data "aws_iam_policy_document" "history" {
  source_policy_documents = [
    data.aws_iam_policy_document.ledger_read.json,
    data.aws_iam_policy_document.images_read.json,
    data.aws_iam_policy_document.member_accounts.json,
  ]
}

resource "aws_lambda_function_url" "history" {
  function_name      = module.history.function_name
  authorization_type = "AWS_IAM"
}

# A caller by URL needs both permissions. That the second one is for the URL
# alone can only be said to version 6 of the provider; what it allows besides is
# the same questions, asked directly.
resource "aws_lambda_permission" "history_url" {
  for_each = toset(var.history_principals)

  function_name          = module.history.function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = each.value
  function_url_auth_type = aws_lambda_function_url.history.authorization_type
}

resource "aws_lambda_permission" "history" {
  for_each = toset(var.history_principals)

  function_name = module.history.function_name
  action        = "lambda:InvokeFunction"
  principal     = each.value
}
