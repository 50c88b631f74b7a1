terraform {
  # 1.11 introduced write-only arguments, which keep the Slack token out of state and plan.
  required_version = ">= 1.11"

  required_providers {
    # For mode `function`, as is time
    archive = { source = "hashicorp/archive", version = ">= 2.8, < 3.0" }
    # 7.33 introduced deletion_policy. The tests have the schema of 7.45.
    google = { source = "hashicorp/google", version = ">= 7.33, < 9.0" }
    time   = { source = "hashicorp/time", version = ">= 0.14, < 1.0" }
  }
}
