variable "region" {
  description = "Region of both."
  type        = string
  default     = "eu-west-1"
}

variable "member_admin_role_arn" {
  description = "Role with which Terraform works in the member account."
  type        = string
}
