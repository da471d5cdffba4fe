output "template" {
  description = "The CloudFormation template, JSON, for who rolls it out otherwise."
  value       = local.template
}

output "role" {
  description = "What stands in each account's entry of accounts before the account's id, and after it: role is \"arn:…:iam::\" and \":role/tagalong\", reader the same of the role that only reads."
  value = { for kind, name in local.role_names : kind => {
    before = "arn:${local.partition}:iam::"
    after  = ":role${var.role_path}${name}"
  } }
}
