"""What a Terraform plan does to the alert policies, and to what they page."""
