# The files of events/patterns, each for one function, as they are where something is
# narrowed: whatever lies outside wakes nothing, since it could not be looked into, and
# would end as a dead letter.
locals {
  files = { for file in fileset("${path.module}/../../../events/patterns", "*.json") :
    trimsuffix(file, ".json") => jsondecode(file("${path.module}/../../../events/patterns/${file}"))
  }

  # As EventBridge has them: its wildcards know no ?, so that a star stands for it.
  cluster_names  = distinct([for name in var.clusters : replace(name, "/[*?]+/", "*")])
  pipeline_names = distinct([for name in var.pipelines : replace(name, "/[*?]+/", "*")])
}

# A service is in the cluster that its ARN says. One of the old form says none, nor does
# each event say it elsewhere: these are taken, and left to the function.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
locals {
  clusters = [for pair in setproduct(coalesce(var.regions, ["*"]), local.cluster_names) :
    "arn:${var.partition}:ecs:${pair[0]}:${var.account}:service/${pair[1]}/"
  ]
  services = concat(
    [for beginning in local.clusters : { prefix = beginning } if !strcontains(beginning, "*")],
    [for beginning in local.clusters : { wildcard = "${beginning}*" } if strcontains(beginning, "*")],
    [{ "anything-but" = { wildcard = "arn:${var.partition}:ecs:*:service/*/*" } }],
  )
}

# The event of a task says its cluster.
locals {
  cluster_arns = [for pair in setproduct(coalesce(var.regions, ["*"]), local.cluster_names) :
    "arn:${var.partition}:ecs:${pair[0]}:${var.account}:cluster/${pair[1]}"
  ]
  task_clusters = concat(
    [for arn in local.cluster_arns : arn if !strcontains(arn, "*")],
    [for arn in local.cluster_arns : { wildcard = arn } if strcontains(arn, "*")],
  )
}

# CodeDeploy's events name no pipeline: these are taken, too.
locals {
  pipelines = concat(
    [for name in local.pipeline_names : name if !strcontains(name, "*")],
    [for name in local.pipeline_names : { wildcard = name } if strcontains(name, "*")],
    [{ exists = false }],
  )
}

locals {
  narrowed = { for name, pattern in local.files : name => merge(
    pattern,
    { account = [var.account] },
    { for key, value in { region = var.regions } : key => value if value != null },
    { for key, value in { resources = local.services } : key => value if name == "deployment" && !contains(var.clusters, "*") },
    { for key, value in { detail = merge(pattern.detail, { clusterArn = local.task_clusters }) } : key => value if name == "task" && !contains(var.clusters, "*") },
    { for key, value in { detail = merge(pattern.detail, { pipeline = local.pipelines }) } : key => value if name == "pipeline" && !contains(var.pipelines, "*") },
  ) }
}
