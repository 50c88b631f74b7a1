# The dashboard for whoever is on call. dashboard.json is a whole one, in the API's own form: it can
# be given to `gcloud monitoring dashboards create --config-from-file` as it stands. Put in here is
# what differs from one deployment to the next.
#
# What its queries rest on:
# - `${project.value}` and the like are the dashboard's own variables. One that is not set stands for
#   `.*`, so they are matched with `=~`. Google documents the form and uses it so in its samples; what
#   stands for "all" is said nowhere in so many words.
#   https://docs.cloud.google.com/monitoring/dashboards/filter-permanent
# - A count has a 0 only where something was read in the last five minutes. Without that it would
#   show a dead exporter as a healthy fleet.
# - A table shows the last value alone (`outputFullDuration`), so that a stream that is gone is not
#   listed for as long as the page looks back.
# - States are named by labels, since a table names no numbers: count_values, then label_replace.
#   https://docs.cloud.google.com/stackdriver/docs/managed-prometheus/promql-differences
#
# A value that the API leaves out of its answer (0, false, "", null, []) would be a change in every
# plan: the file has none, xPos and yPos are left out where they are 0.

locals {
  # The name is in the title and in the names of the jobs.
  dashboard = jsondecode(replace(file("${path.module}/dashboard.json"), "datastream-exporter", var.name))

  # A panel shows the logs of its own project unless it names others.
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

# The incidents are those of the whole project: a list of this module's policies would have to wait
# for their names, which are known after the first apply only.
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
