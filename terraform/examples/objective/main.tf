# An availability objective: the stream `orders` had no problem in 99.5 % of 28 days.

locals {
  metrics_project = yamldecode(file("${path.module}/config.yaml")).metrics.project
}

module "datastream_exporter" {
  source = "../.."

  region      = "europe-west1"
  config_yaml = file("${path.module}/config.yaml")

  # How many policies each notifies is beside it; a severity notifies its own channels, and nobody else.
  notification_channels = {
    CRITICAL = ["projects/orders-prod/notificationChannels/1234567890123456789"] # 7, such as stream-failed
    ERROR    = ["projects/orders-prod/notificationChannels/2345678901234567890"] # 10, such as stream-lagging
    WARNING  = ["projects/orders-prod/notificationChannels/2345678901234567890"] # 1, project-unwatched
  }
}

# It belongs to the service that marks the deployment. A window is good if the stream's state was expected
# in each run. Whether Google counts a window without points is unproven.
resource "google_monitoring_slo" "orders" {
  project             = local.metrics_project
  service             = "one-datastream-exporter-per-metrics-project"
  slo_id              = "stream-orders"
  display_name        = "Datastream stream orders has no problem"
  goal                = 0.995
  rolling_period_days = 28

  windows_based_sli {
    window_period = "300s"

    metric_mean_in_range {
      time_series = join(" AND ", [
        "metric.type=\"custom.googleapis.com/datastream/stream/expected\"",
        "resource.type=\"generic_node\"",
        "resource.labels.namespace=\"orders-prod\"",
        "resource.labels.location=\"europe-west1\"",
        "metric.labels.stream_id=\"orders\"",
      ])

      range { min = 1 }
    }
  }

  depends_on = [module.datastream_exporter]
}
