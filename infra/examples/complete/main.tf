module "tagalong" {
  source = "../../"

  name         = var.name
  architecture = var.architecture
  tags         = { team = "platform" }

  environments = var.environments
  clusters     = var.clusters
  repositories = var.repositories

  retention_days      = var.retention_days
  deletion_protection = var.deletion_protection
  kms_key_arn         = aws_kms_key.this.arn

  history_principals = var.history_principals
  alarm_topic_arn    = aws_sns_topic.alarms.arn
}

module "codepipeline_actions" {
  source   = "../../modules/codepipeline-actions"
  for_each = var.pipeline_role_names

  role_name     = each.value
  function_arns = module.tagalong.function_arns
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}
