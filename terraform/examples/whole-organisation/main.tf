# Every project of an organisation that has streams: Cloud Asset Inventory finds them at each plan, so a plan once a
# day finds the new ones.

# Whoever plans needs roles/cloudasset.viewer on the organisation, and the API cloudasset.googleapis.com in the
# project that the calls are counted in. For a part of the organisation: folders/NUMBER.
data "google_cloud_asset_search_all_resources" "streams" {
  scope       = "organizations/123456789012"
  asset_types = ["datastream.googleapis.com/Stream"]
}

locals {
  config = yamldecode(file("${path.module}/config.yaml"))

  # A stream's name there is //datastream.googleapis.com/projects/PROJECT/locations/LOCATION/streams/STREAM, with the
  # project's id: https://docs.cloud.google.com/app-hub/docs/supported-resources. Plan would refuse a number.
  found = [for stream in data.google_cloud_asset_search_all_resources.streams.results : split("/", stream.name)[4]]
  added = setsubtract(local.found, local.config.sources[*].project)
}

module "datastream_exporter" {
  source = "../.."

  region = "europe-west1"
  config_yaml = yamlencode(merge(local.config, {
    sources = concat(local.config.sources, [for project in local.added : { project = project }])
  }))

  notification_channels = { CRITICAL = ["projects/data-platform-prod/notificationChannels/1234567890123456789"] }
}

output "added_projects" {
  description = "Projects that have streams and aren't in config.yaml."
  value       = local.added
}
