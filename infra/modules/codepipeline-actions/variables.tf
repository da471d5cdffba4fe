variable "role_name" {
  description = "Name of the pipeline's role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.role_name))
    error_message = "role_name \"${var.role_name}\": want the name of a role and not its ARN, such as shop-release."
  }
}

variable "function_arns" {
  description = "Output function_arns of the main module."
  type        = object({ tagimage = string, imagedefinitions = string })
  nullable    = false
}

variable "policy_name" {
  description = "Name of the policy that the role gets."
  type        = string
  default     = "tagalong"
  nullable    = false
}
