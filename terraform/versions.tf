terraform {
  # 1.11 introduced write-only arguments, which keep the Slack token out of state and plan.
  required_version = ">= 1.11"

  required_providers {
    google = {
      source = "hashicorp/google"
      # 7.45 is the oldest version that is tested with `tags` of jobs. 7.33 introduced deletion_policy.
      version = ">= 7.45, < 9.0"
    }
  }
}
