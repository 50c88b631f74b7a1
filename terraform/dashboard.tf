# The on-call dashboard. Each file in dashboard/ is a section, in the API's own form. yPos counts from the top: what
# isn't always there comes last. A count shows 0 only if something was read in the last 13 minutes: a dead exporter is
# no healthy fleet. A table shows the latest value only (`outputFullDuration`), and so no stream that was deleted.
#
# The API leaves 0, false, "", null and [] out of its answer, so such a value would be a change in every plan. The files
# have none, and tiles at 0 get no yPos.

locals {
  sections = concat(
    ["attention", "fleet", "lag", "exporter", local.is_function ? "function" : "job"],
    local.config.collect.objects ? ["objects"] : [],
  )
  tiles = flatten([
    for section in local.sections : yamldecode(templatefile("${path.module}/dashboard/${section}.yaml.tftpl", merge(
      yamldecode(file("${path.module}/dashboard/parts.yaml")),
      {
        name              = var.name
        exporters_project = local.job_project
        watched_projects  = join(", projects/", sort(local.watched_projects))
        mutes             = jsonencode(coalesce(join("\n", sort(local.mutes)), "None."))
      },
    )))
  ])

  # yamldecode makes a date midnight in UTC, whatever the mute's time zone. The texts are in code spans, so that their
  # Markdown has no effect. A backquote would end the span, and `$` with a brace would be a variable.
  mutes = [
    for mute in local.config.mutes : format("- %s: %s",
      mute.timezone == "" ? mute.until : "${trimsuffix(mute.until, "T00:00:00Z")} ${mute.timezone}",
      join(", ", [for text in compact([mute.match, mute.reason]) : "`${replace(text, "/[`\\s]+|[$][{]/", " ")}`"]),
    )
  ]
}

# The incident list covers the whole project. A list of this module's policies would need their names, which are known
# only after the first apply.
resource "google_monitoring_dashboard" "fleet" {
  project = local.metrics_project

  dashboard_json = jsonencode(merge({
    displayName = "Datastream streams (${var.name})"
    dashboardFilters = [
      { filterType = "RESOURCE_LABEL", labelKey = "namespace", templateVariable = "project" },
      { filterType = "RESOURCE_LABEL", labelKey = "location", templateVariable = "location" },
      { filterType = "METRIC_LABEL", labelKey = "stream_id", templateVariable = "stream" },
    ]
    mosaicLayout = { columns = 48, tiles = local.tiles }
  }, length(var.labels) > 0 ? { labels = var.labels } : {}))

  depends_on = [google_monitoring_custom_service.deployment, google_monitoring_metric_descriptor.exporter]
}
