"""Reviews a Terraform plan: what it changes about policies and their alerts."""
