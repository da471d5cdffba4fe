# Takes ECS's deployment events: keeps the ledger and moves the tags.
module "deployment" {
  source = "./modules/function"

  name        = "deployment"
  description = "Tagalong: records what ECS deploys and moves the environments' tags"
  settings    = local.function_of_queue
  environment = local.environment
  policy      = data.aws_iam_policy_document.deployment.json
}

data "aws_iam_policy_document" "deployment" {
  source_policy_documents = [
    data.aws_iam_policy_document.take_events["deployment"].json,
    data.aws_iam_policy_document.ledger_write.json,
    data.aws_iam_policy_document.images_tag.json,
    data.aws_iam_policy_document.deployments.json,
    data.aws_iam_policy_document.tasks.json,
    data.aws_iam_policy_document.task_definitions.json,
    data.aws_iam_policy_document.member_accounts_tag.json,
    data.aws_iam_policy_document.own_events.json,
    data.aws_iam_policy_document.clusters.json, # of a service whose ARN does not say its cluster
  ]
}
