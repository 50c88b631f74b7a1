output "policy_names" {
  description = "Full names of the policies, by file name without .yaml."
  value       = { for name, policy in google_monitoring_alert_policy.policy : name => policy.name }
}
