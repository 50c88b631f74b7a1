terraform {
  # 1.11 is the first with write-only arguments: the Slack token reaches neither state nor plan.
  required_version = ">= 1.11"

  required_providers {
    google = {
      source = "hashicorp/google"
      # 7.19 is the first with auth_token_wo of a notification channel.
      version = ">= 7.19, < 9.0"
    }
  }
}
