data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

# Any service will do: see locals.tf of the main module.
data "aws_service" "this" {
  service_id = "events"
}

locals {
  account       = data.aws_caller_identity.this.account_id
  region        = data.aws_service.this.region
  partition     = data.aws_partition.this.partition
  alarm_actions = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  tags          = merge({ "managed-by" = "terraform", "module" = "tagalong" }, var.tags)
}
