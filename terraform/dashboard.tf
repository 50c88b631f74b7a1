# The on-call dashboard. dashboard.json is complete and in the API's own form: `gcloud monitoring
# dashboards create --config-from-file` accepts it. This file sets what differs between deployments.
#
# How its queries work:
# - `${project.value}` and the like are dashboard variables. An unset variable stands for `.*`, so the
#   queries match it with `=~`. Google documents the form and uses it in samples, but doesn't
#   document the value for "all".
#   https://docs.cloud.google.com/monitoring/dashboards/filter-permanent
# - A count shows 0 only if something was read in the last five minutes. Otherwise a dead exporter
#   would look like a healthy fleet.
# - A table shows the latest value only (`outputFullDuration`). Otherwise it would list a deleted
#   stream for the whole time range of the page.
# - Tables can't show a number as a name, so states become labels: count_values, then label_replace.
#   https://docs.cloud.google.com/stackdriver/docs/managed-prometheus/promql-differences
#
# The API leaves 0, false, "", null and [] out of its answer, so such a value would be a change in
# every plan. The file has none; tiles at 0 have no xPos or yPos.

locals {
  # The title and the job names contain the deployment's name.
  dashboard = jsondecode(replace(file("${path.module}/dashboard.json"), "datastream-exporter", var.name))

  # A log panel shows the dashboard's own project unless it names others.
  dashboard_tiles = [
    for tile in local.dashboard.mosaicLayout.tiles : merge(tile, {
      widget = merge(tile.widget, {
        for kind, content in tile.widget : kind => merge(content, {
          resourceNames = [
            for project in tile.widget.title == "Log of the exporter" ? [local.job_project] : sort(local.watched_projects) :
            "projects/${project}"
          ]
        }) if kind == "logsPanel"
      })
    })
  ]
}

# The incident list covers the whole project. A list of this module's policies would need their
# names, which are known only after the first apply.
resource "google_monitoring_dashboard" "fleet" {
  project = local.metrics_project

  dashboard_json = jsonencode(merge(local.dashboard, {
    mosaicLayout = merge(local.dashboard.mosaicLayout, { tiles = local.dashboard_tiles })
  }))

  depends_on = [
    google_monitoring_metric_descriptor.exporter,
    google_project_service.enabled,
  ]
}
