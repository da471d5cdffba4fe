# A pipeline calls the actions under its own role. In the functions' account no
# policy of the functions is needed beside this.
resource "aws_iam_role_policy" "this" {
  name   = var.policy_name
  role   = var.role_name
  policy = data.aws_iam_policy_document.this.json
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "CallTagalong"
    actions   = ["lambda:InvokeFunction"]
    resources = compact(values(var.function_arns))
  }

  # AWS offers neither resources nor conditions for this.
  statement {
    sid       = "FindFunctions"
    actions   = ["lambda:ListFunctions"]
    resources = ["*"]
  }
}
