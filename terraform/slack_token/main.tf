# Reads a Slack bot's token from Secret Manager at each plan, apply and destroy. It is stored in
# neither plan nor state. This is a separate module because `terraform test` can't mock ephemeral
# resources: the main module must have none.

terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.45, < 9.0"
    }
  }
}

variable "secret" {
  description = "Secret to read the latest version of: `projects/PROJECT/secrets/SECRET`."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/secrets/[^/]+$", var.secret))
    error_message = "secret must have the form projects/PROJECT/secrets/SECRET."
  }
}

ephemeral "google_secret_manager_secret_version" "latest" {
  project = split("/", var.secret)[1]
  secret  = split("/", var.secret)[3]
}

output "token" {
  description = "The token, for the main module's variable slack_token."
  value       = trimspace(ephemeral.google_secret_manager_secret_version.latest.secret_data) # a line break would make it invalid
  sensitive   = true
  ephemeral   = true
}
