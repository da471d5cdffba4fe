# Watches every cluster of this account and Region: the tag of an environment is
# the name of its cluster.
module "tagalong" {
  source = "../../"
}
