# The parts of config.yaml that the infrastructure depends on. The exporter validates the whole file.

locals {
  # A list, so that the repository's file is read only if it is used.
  config_text = coalesce(var.config_yaml, one([
    for name in var.config_yaml == null ? ["config.yaml"] : [] : file("${path.module}/../${name}")
  ]))
  config = yamldecode(local.config_text)

  metrics_project  = local.config.metrics.project
  job_project      = coalesce(var.project_id, local.metrics_project)
  watched_projects = toset([for source in local.config.sources : source.project])

  # As the exporter's own series name it.
  exporter_name     = try(coalesce(local.config.run.name), "datastream-exporter")
  exporter_location = try(coalesce(local.config.run.location), var.region)

  # Projects whose locations are discovered: those with a source that lists none.
  discovering = toset([
    for source in local.config.sources : source.project if try(source.locations, null) == null
  ])

  collect = {
    objects             = try(local.config.collect.objects, false) == true
    private_connections = try(local.config.collect.private_connections, false) == true
  }

  # The exporter's default is 50s. A duration is a number followed by s, m or h.
  deadline         = try(local.config.run.deadline, "50s")
  deadline_seconds = try(tonumber(regex("^([0-9]+)", local.deadline)[0]) * { s = 1, m = 60, h = 3600 }[regex("([smh])$", local.deadline)[0]], 0)

  # Whether Cloud Scheduler starts each run.
  scheduled = var.mode != "worker_pool"
}
