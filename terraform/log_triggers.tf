# With log_triggers: when Datastream logs something that may matter, the function runs at once. A sink in each watched
# project sends the log entries to a topic, which pushes them to the function.

locals {
  # An entry costs a call and often a run, so this is narrow. It must never match the function's own log. In order:
  # 1. An error that Datastream finds. The severity is the only field that all such entries are known to have.
  # 2. A change of state by Datastream itself. The log's schema has the field; no example shows how it is spelt.
  # 3. What somebody does to a stream.
  trigger_filter = <<-EOT
    (log_id("datastream.googleapis.com/stream_activity") AND severity>=ERROR)
    OR (log_id("datastream.googleapis.com/stream_activity")
    AND (jsonPayload.stream_state_change.new_state=~"." OR jsonPayload.streamStateChange.newState=~"."))
    OR (log_id("cloudaudit.googleapis.com/activity") AND protoPayload.serviceName="datastream.googleapis.com"
    AND protoPayload.methodName=~"Datastream[.](Create|Update|Delete|Run)Stream$")
  EOT
}

resource "google_pubsub_topic" "log" {
  count        = local.is_triggered ? 1 : 0
  project      = local.job_project
  name         = "${var.name}-log"
  kms_key_name = var.encryption_key
  labels       = var.labels
  depends_on   = [google_monitoring_custom_service.deployment]
}

resource "google_logging_project_sink" "log" {
  for_each = local.triggering_projects
  project  = each.key
  # The provider takes over a sink of the same name without an error, and deletes it later. Another deployment may
  # watch the same project, so the name has the metrics project, which has only one.
  name        = "${var.name}-of-${local.metrics_project}"
  description = "Calls the Datastream exporter when a stream fails or changes."
  destination = "pubsub.googleapis.com/${google_pubsub_topic.log[0].id}"
  filter      = local.trigger_filter

  unique_writer_identity = true
  depends_on             = [google_project_service.enabled]
}

resource "google_pubsub_subscription" "log" {
  count   = local.is_triggered ? 1 : 0
  project = local.job_project
  name    = "${var.name}-log"
  topic   = google_pubsub_topic.log[0].id
  labels  = var.labels

  # The shortest: by then, ten scheduled runs have seen what the entry is about.
  message_retention_duration = "600s"
  # Longer than a run may take, or Pub/Sub would call again during it.
  ack_deadline_seconds = local.function_timeout + 5

  push_config {
    push_endpoint = "${local.function_uri}/log"
    oidc_token {
      service_account_email = local.emails.push
      audience              = local.function_uri
    }
  }
  # The function answers 500 if a run is incomplete. Without a policy, Pub/Sub would call again at once.
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "60s"
  }
  # Never, however long nothing is logged.
  expiration_policy { ttl = "" }
  depends_on = [google_cloud_run_v2_service_iam_member.grant, terraform_data.account]
}
