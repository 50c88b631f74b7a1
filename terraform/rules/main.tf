# Fails the plan with sentences about what is wrong.

variable "sentences" {}

output "mistakes" {
  value = null

  precondition {
    condition     = length(var.sentences) == 0
    error_message = join("\n", var.sentences)
  }
}
