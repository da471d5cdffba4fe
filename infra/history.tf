# Answers questions over HTTP.
module "history" {
  source = "./modules/function"
  count  = var.functions.history ? 1 : 0

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

locals {
  history_url = local.installed.history && var.history_url
  history_api = local.installed.history && var.history_api
}

resource "aws_lambda_function_url" "history" {
  count = local.history_url ? 1 : 0

  function_name      = module.history[0].function_name
  authorization_type = "AWS_IAM"
}

# A caller by URL needs both permissions. That the second one is for the URL
# alone can only be said to version 6 of the provider; what it allows besides is
# the same questions, asked directly. They are counted, since the ARN of a
# principal that is made beside them is not known while planning.
resource "aws_lambda_permission" "history_url" {
  count = local.history_url ? length(local.history_principals) : 0

  function_name          = module.history[0].function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = local.history_principals[count.index]
  function_url_auth_type = aws_lambda_function_url.history[0].authorization_type
}

resource "aws_lambda_permission" "history" {
  count = local.installed.history ? length(local.history_principals) : 0

  function_name = module.history[0].function_name
  action        = "lambda:InvokeFunction"
  principal     = local.history_principals[count.index]
}

# Where function URLs are forbidden: an HTTP API, whose requests are signed as well. It
# asks the callers' policies alone (execute-api:Invoke), and so those of our own account.
resource "aws_apigatewayv2_api" "history" {
  count = local.history_api ? 1 : 0

  name          = "${var.name}-history"
  description   = "Tagalong: answers what runs and ran"
  protocol_type = "HTTP"
  tags          = local.tags
}

resource "aws_apigatewayv2_integration" "history" {
  count = local.history_api ? 1 : 0

  api_id                 = aws_apigatewayv2_api.history[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.history[0].arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "history" {
  count = local.history_api ? 1 : 0

  api_id             = aws_apigatewayv2_api.history[0].id
  route_key          = "$default" # of which the function refuses what is no question
  authorization_type = "AWS_IAM"
  target             = "integrations/${aws_apigatewayv2_integration.history[0].id}"
}

resource "aws_apigatewayv2_stage" "history" {
  count = local.history_api ? 1 : 0

  api_id      = aws_apigatewayv2_api.history[0].id
  name        = "$default"
  auto_deploy = true
  tags        = local.tags

  # Who asked for what, and what became of it.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.history_api[0].arn
    format = jsonencode({ for name, value in {
      requestId = "requestId", time = "requestTime", caller = "identity.caller", ip = "identity.sourceIp", path = "path", status = "status"
    } : name => "$context.${value}" })
  }
}

resource "aws_cloudwatch_log_group" "history_api" {
  count = local.history_api ? 1 : 0

  name              = "/aws/apigateway/${var.name}-history"
  log_group_class   = var.log_class
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

resource "aws_lambda_permission" "history_api" {
  count = local.history_api ? 1 : 0

  function_name = module.history[0].function_name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.history[0].execution_arn}/*/*"
}
