# Several projects with streams, and one that watches them: it holds the metrics, the policies, the
# dashboard and, in this example, the job.

variable "image" {
  description = "The exporter's image, by digest."
  type        = string
}

module "datastream_exporter" {
  source = "../.."

  region = "europe-west4"
  image  = var.image
  config = file("${path.module}/config.yaml")
  labels = { team = "data-platform" }

  # Several tasks share the locations.
  tasks = 2
  # Tables, once an hour.
  collect_objects_schedule = "7 * * * *"

  notification_channels = {
    CRITICAL = ["Data platform on-call", "Data platform Slack"]
    ERROR    = ["Data platform Slack"]
    WARNING  = ["Data platform Slack"]
  }
  mentions           = { CRITICAL = "<!channel>" }
  renotify_intervals = { CRITICAL = "14400s" }

  # A channel serves its own project alone: policies on the logs of a watched project need one there.
  # billing-prod has none, so its changes and its logged errors page nobody; the output says so.
  log_notification_channels = {
    orders-prod = ["Orders team"]
  }

  policies = {
    # Changes by hand are everyday in this organisation.
    stream-changed = { enabled = false }
    # Freshness of half an hour is soon enough.
    stream-lagging = { threshold = 1800 }
    # Nobody is to be woken for one location that is slow to answer.
    location-unreadable = { severity = "WARNING", duration = "1800s" }
  }
  policy_directory = "${path.module}/policies"
}

output "log_policies" {
  description = "Where policies on logs were made, and why not elsewhere."
  value       = module.datastream_exporter.log_policies
}
