"""Reads Terraform plans: policies and config before and after, who is notified."""
