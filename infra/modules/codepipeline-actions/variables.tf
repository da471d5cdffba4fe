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
  type        = object({ tagimage = optional(string), imagedefinitions = optional(string) })
  nullable    = false

  validation {
    condition     = length(compact(values(var.function_arns))) > 0 && alltrue([for arn in compact(values(var.function_arns)) : can(regex("^arn:aws(?:-[a-z]+)*:lambda:[a-z0-9-]+:[0-9]{12}:function:.+$", arn))])
    error_message = "function_arns ${jsonencode(var.function_arns)}: want the ARNs of the functions tagimage and imagedefinitions, as the main module's output has them."
  }
}

variable "policy_name" {
  description = "Name of the policy that the role gets."
  type        = string
  default     = "tagalong"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,128}$", var.policy_name))
    error_message = "policy_name \"${var.policy_name}\": want 1 to 128 letters, digits or any of _+=,.@-."
  }
}
