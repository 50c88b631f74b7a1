# What follows from config.yaml, and the names of this deployment.

module "config" {
  source = "./config"
  config = local.config_given
}

locals {
  # alerting_policies/, exporter/ and requirements/ are beside this folder, and in a release's archive in it.
  shared = fileexists("${path.module}/exporter/metrics.yaml") ? path.module : "${path.module}/.."
  config = module.config.config

  # The type of module.config drops unknown keys, so they are looked for here, with their places: at the top, in a
  # section (an object, such as `run`, or a list of objects, such as `sources`), and in `during` of expectations.
  config_given  = yamldecode(var.config_yaml)
  config_schema = jsondecode(file("${local.shared}/docs/config.schema.json"))
  section_keys = {
    for name, value in local.config_schema.properties : name => try(
      keys(local.config_schema["$defs"][trimprefix(try(value["$ref"], value.items["$ref"]), "#/$defs/")].properties), []
    )
  }
  given = { for name in keys(local.section_keys) : name => flatten([try(local.config_given[name], [])]) }
  known_keys = concat(
    keys(local.section_keys),
    flatten([for name, keys in local.section_keys : formatlist("${name}.%s", keys)]),
    formatlist("expectations.during.%s", keys(local.config_schema["$defs"].Window.properties)),
  )
  given_keys = concat(
    try(keys(local.config_given), []),
    flatten([for name, all in local.given : [for one in all : formatlist("${name}.%s", try(keys(one), []))]]),
    flatten([for one in local.given.expectations : formatlist("expectations.during.%s", try(keys(one.during), []))]),
  )
  unknown_keys = sort(setsubtract(local.given_keys, local.known_keys))

  # In base64 without its padding, 32 KiB are 43,691 characters. A rule on the text itself would print all of it.
  config_is_too_long = length(trimsuffix(trimsuffix(base64encode(var.config_yaml), "="), "=")) > 43691

  metrics_project = local.config.metrics.project
  job_project     = coalesce(var.project_id, local.metrics_project)
  job_parent      = "projects/${local.job_project}"
  job_name        = "${local.job_parent}/locations/${var.region}/jobs/${var.name}"
  is_function     = var.mode == "function"

  watched_projects = toset(local.config.sources[*].project)
  # Projects whose locations are discovered: those with a source that lists none.
  discovered_projects = toset([for source in local.config.sources : source.project if source.locations == null])

  # The labels of the exporter's own series. Cloud Run tells it its name.
  exporter_name     = coalesce(local.config.run.name, var.name)
  exporter_location = coalesce(local.config.run.location, var.region)

  environment = merge(
    # No variable of Cloud Run has the region. With hundreds of threads, glibc would keep a fifth more memory.
    { DATASTREAM_EXPORTER_LOCATION = local.exporter_location, MALLOC_ARENA_MAX = "2" },
    var.environment_variables,
    # The whole config.yaml, so that plan shows when it changes.
    { DATASTREAM_EXPORTER_CONFIG = var.config_yaml },
  )

  console = "https://console.cloud.google.com"
}
