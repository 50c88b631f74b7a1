# Every project of an organisation that has streams, as Cloud Asset Inventory finds them at each plan.

# So a plan once a day finds the new ones, and warns of those that leave. Whoever plans needs roles/cloudasset.viewer
# on the organisation, and the API cloudasset.googleapis.com in the project that the calls are counted in. For a part of
# the organisation: folders/NUMBER.
data "google_cloud_asset_search_all_resources" "streams" {
  scope       = "organizations/123456789012"
  asset_types = ["datastream.googleapis.com/Stream"]

  lifecycle {
    postcondition {
      condition     = length(self.results) > 0
      error_message = <<-EOT
        Cloud Asset Inventory found no stream in ${self.scope}: an apply would watch config.yaml's projects only.
        Check the scope, and that you have roles/cloudasset.viewer on it. If it has no stream, remove this rule.
      EOT
    }
  }
}

variable "last_state" {
  description = "Where this configuration's state is, to tell which projects leave. Null until the first apply."
  type        = object({ backend = string, config = map(string) })
  default     = null
}

# What the last apply watched.
data "terraform_remote_state" "last" {
  count = var.last_state == null ? 0 : 1

  backend  = var.last_state.backend
  config   = var.last_state.config
  defaults = { watched_projects = [] }
}

locals {
  config = yamldecode(file("${path.module}/config.yaml"))

  # A stream's name there is //datastream.googleapis.com/projects/PROJECT/locations/LOCATION/streams/STREAM, with the
  # project's id: https://docs.cloud.google.com/app-hub/docs/supported-resources. Plan would refuse a number.
  found = [for stream in data.google_cloud_asset_search_all_resources.streams.results : split("/", stream.name)[4]]
  added = setsubtract(local.found, local.config.sources[*].project)

  watched = toset(concat(local.found, local.config.sources[*].project))
  leaving = setsubtract(flatten(data.terraform_remote_state.last[*].outputs.watched_projects), local.watched)
}

check "leaving" {
  assert {
    condition     = var.last_state != null
    error_message = <<-EOT
      A plan can't tell which projects leave. After the first apply, write where the state is in terraform.tfvars:
      last_state = { backend = "gcs", config = { bucket = "BUCKET", prefix = "PREFIX" } }
      Without a backend block: last_state = { backend = "local", config = { path = "terraform.tfstate" } }
    EOT
  }

  assert {
    condition     = length(local.leaving) == 0
    error_message = <<-EOT
      An apply stops watching ${join(", ", local.leaving)}: Cloud Asset Inventory finds no stream there any more.
      To keep a project, name it in sources of config.yaml. If it has streams, check the scope and your roles.
    EOT
  }
}

module "datastream_exporter" {
  source = "../.."

  region = "europe-west1"
  # Good for about 27 projects: a run that reads all 43 locations of each makes 1,188 of the 1,200 calls that Datastream
  # allows in a minute. With more projects, list the locations of each source. A metrics scope is good for 375.
  config_yaml = yamlencode(merge(local.config, {
    sources = concat(local.config.sources, [for project in local.added : { project = project }])
  }))

  # How many policies each notifies is beside it; a severity notifies its own channels, and nobody else.
  notification_channels = {
    CRITICAL = ["projects/data-platform-prod/notificationChannels/1234567890123456789"] # 7, such as stream-failed
    ERROR    = ["projects/data-platform-prod/notificationChannels/2345678901234567890"] # 10, such as stream-lagging
    WARNING  = ["projects/data-platform-prod/notificationChannels/2345678901234567890"] # 1, project-unwatched
  }
}

output "added_projects" {
  description = "Projects that have streams and aren't in config.yaml."
  value       = local.added
}

output "watched_projects" {
  description = "Projects with streams, and those of config.yaml. The next plan compares with them."
  value       = local.watched
}
