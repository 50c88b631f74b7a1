# Before the first point and the policies that read it. The exporter may not create them; it reads the same file.

locals {
  catalogue = yamldecode(file("${local.shared}/exporter/metrics.yaml"))
}

resource "google_monitoring_metric_descriptor" "exporter" {
  for_each     = local.catalogue.metrics
  project      = local.metrics_project
  type         = "${local.catalogue.prefix}/${each.key}"
  metric_kind  = "GAUGE"
  value_type   = each.value.value_type
  unit         = each.value.unit
  display_name = each.value.display_name
  description  = each.value.description

  dynamic "labels" {
    for_each = each.value.labels
    content {
      key        = labels.value
      value_type = "STRING"
    }
  }

  # Deleting a descriptor deletes the metric's data. A destroy removes it from the state only.
  deletion_policy = "ABANDON"

  depends_on = [google_monitoring_custom_service.deployment]
}
