# Takes CodePipeline's and CodeDeploy's events: gives rollouts their release.
module "pipeline" {
  source = "./modules/function"
  count  = var.functions.pipeline ? 1 : 0

  name        = "pipeline"
  description = "Tagalong: records which release rolled out what"
  settings    = local.function_of_queue
  environment = local.environment
  policy      = data.aws_iam_policy_document.pipeline.json
}

# A service that the ledger has not seen is observed at once, as by deployment.
data "aws_iam_policy_document" "pipeline" {
  source_policy_documents = [
    try(data.aws_iam_policy_document.take_events["pipeline"].json, ""), # none where the function is left out
    data.aws_iam_policy_document.ledger_write.json,
    data.aws_iam_policy_document.images_tag.json,
    data.aws_iam_policy_document.service_deployments.json,
    data.aws_iam_policy_document.tasks.json,
    data.aws_iam_policy_document.task_definitions.json,
    data.aws_iam_policy_document.releases.json,
    data.aws_iam_policy_document.member_accounts_tag.json,
    data.aws_iam_policy_document.own_events.json,
  ]
}
