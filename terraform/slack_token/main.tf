# The token of a Slack bot, from Secret Manager. It is read at each plan, apply and destroy, and stored
# in neither plan nor state. A module of its own, so that the one beside it has no ephemeral resource:
# a mocked provider, with which it is tested, knows none.

terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.19, < 9.0"
    }
  }
}

variable "secret" {
  description = "The secret whose latest version is read, written `projects/PROJECT/secrets/SECRET`."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/secrets/[^/]+$", var.secret))
    error_message = "secret is a secret of Secret Manager, written projects/PROJECT/secrets/SECRET."
  }
}

ephemeral "google_secret_manager_secret_version" "latest" {
  project = split("/", var.secret)[1]
  secret  = split("/", var.secret)[3]
}

output "token" {
  description = "The token, for the variable slack_token of the module beside this one."
  value       = trimspace(ephemeral.google_secret_manager_secret_version.latest.secret_data) # a line end would break it
  sensitive   = true
  ephemeral   = true
}
