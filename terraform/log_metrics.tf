# Counts what PostgreSQL streams log about their position, in each watched project: stream-stalled reads it. Its name is
# fixed, as the query has it, so where another deployment watches the same project, Google answers 409.

locals {
  checkpoint          = yamldecode(file("${local.module_folder}/log_metrics/datastream_checkpoint.yaml"))
  checkpoint_projects = var.create_policies && var.log_metrics ? local.watched_projects : toset([])
}

resource "google_logging_metric" "checkpoint" {
  for_each         = local.checkpoint_projects
  project          = each.key
  name             = local.checkpoint.name
  description      = local.checkpoint.description
  filter           = local.checkpoint.filter
  label_extractors = local.checkpoint.labelExtractors

  metric_descriptor {
    metric_kind = local.checkpoint.metricDescriptor.metricKind
    value_type  = local.checkpoint.metricDescriptor.valueType
    dynamic "labels" {
      for_each = local.checkpoint.metricDescriptor.labels
      content { key = labels.value.key }
    }
  }
  depends_on = [google_project_service.enabled]
}
