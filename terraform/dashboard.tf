# The on-call dashboard. Each file in dashboard/ has the tiles of one section, in the API's own form. Only yPos differs:
# it counts from the top of the section. What stays empty in this mode is left out.
#
# How the queries work:
# - An unset dashboard variable, `${project.value}` and the like, stands for `.*`: the queries match it with `=~`.
#   https://docs.cloud.google.com/monitoring/dashboards/filter-permanent
# - A count shows 0 only if something was read in the last five minutes: a dead exporter is no healthy fleet.
# - A table shows the latest value only (`outputFullDuration`), and so no stream that was deleted.
# - Tables can't show a number as a name, so states become labels: count_values, then label_replace.
#
# The API leaves 0, false, "", null and [] out of its answer, so such a value would be a change in every plan. The files
# have none, and tiles at 0 get no yPos.

locals {
  dashboard_files = concat(
    ["attention", "fleet", "lag"],
    [for collected, is_collected in local.collect : collected if is_collected],
    ["exporter"],
    [local.is_function ? "function" : "job"],
  )

  # YAML makes a date midnight in UTC, whatever its time zone. In code spans, Markdown means nothing; a backquote
  # would end one, and `$` with a brace would be a variable.
  mutes = [
    for mute in try(local.config.mutes, null)[*] :
    "- ${try("${trimsuffix(mute.until, "T00:00:00Z")} ${coalesce(mute.timezone)}", mute.until)}: ${join(", ", [
      for text in compact([try(mute.match, ""), try(mute.reason, "")]) : "`${replace(text, "/[`\\s]+|[$][{]/", " ")}`"
    ])}"
  ]

  # The files name no deployment and no project, and have stream-lagging's own threshold.
  sections = [
    for file in local.dashboard_files : yamldecode(
      replace(replace(replace(replace(replace(file("${path.module}/dashboard/${file}.yaml"),
        "datastream-exporter", var.name),
        "exporters-project", local.job_project),
        "watched-projects", join(", projects/", sort(local.watched_projects))),
        "value: 900", "value: ${local.thresholds.stream-lagging.chosen}"),
      "mutes-of-config", jsonencode(coalesce(join("\n", sort(local.mutes)), "None.")))
    )
  ]

  heights = [for section in local.sections : max([for tile in section : try(tile.yPos, 0) + tile.height]...)]
  tops    = [for index, height in local.heights : sum(concat([0], slice(local.heights, 0, index)))]
  tiles = flatten([
    for index, section in local.sections : [
      for tile in section : {
        for key, value in merge(tile, { yPos = try(tile.yPos, 0) + local.tops[index] }) : key => value
        if key != "yPos" || value != 0
      }
    ]
  ])
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
