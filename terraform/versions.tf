terraform {
  # 1.11 introduced write-only arguments, which keep the Slack token out of state and plan.
  required_version = ">= 1.11"

  required_providers {
    google = {
      source = "hashicorp/google"
      # 7.19 introduced auth_token_wo for notification channels.
      version = ">= 7.19, < 9.0"
    }
  }
}
