# The parts of config.yaml that the infrastructure depends on.

module "config" {
  source = "./config"
  text   = var.config_yaml
}

locals {
  config = module.config.data

  metrics_project = local.config.metrics.project
  job_project     = coalesce(var.project_id, local.metrics_project)
  # Accounts of the exporter's project end with it. That of the project example.com:orders is orders.example.com.
  own_domain       = "@${join(".", reverse(split(":", local.job_project)))}.iam.gserviceaccount.com"
  watched_projects = toset(local.config.sources[*].project)

  # As the exporter's own series name it.
  exporter_name     = try(coalesce(local.config.run.name), "datastream-exporter")
  exporter_location = try(coalesce(local.config.run.location), var.region)

  # Projects whose locations are discovered: those with a source that lists none.
  discovering = toset([for source in local.config.sources : source.project if try(source.locations, null) == null])

  collect = { objects = try(local.config.collect.objects, false) == true }

  # A minute's calls of Datastream's API, at least. With memory, it looks for new streams every five minutes.
  listed          = flatten([for source in local.config.sources : try(coalesce(source.locations), [])])
  known_locations = yamldecode(file("${local.shared}/exporter/config/locations.yaml")).locations
  runs_per_minute = local.is_triggered ? 6 : 1
  calls_per_minute = ceil(
    local.runs_per_minute * (length(local.listed) + length(local.discovering)) +
    length(local.discovering) * length(local.known_locations) / (var.mode == "job" ? 1 : 5)
  )

  # Names of the variables with a password in an address: no message shows their values.
  passwords = flatten([for given in [var.environment_variables, var.build_environment_variables] :
  [for key, url in given : key if can(regex("://[^/@\\s]*:[^/\\s]+@", nonsensitive(url)))]])
}
