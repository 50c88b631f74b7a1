"""Reviews a Terraform plan: what it changes about the alert policies and about their alerts."""
