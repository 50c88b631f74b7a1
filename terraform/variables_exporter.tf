variable "collect_objects_schedule" {
  description = "Cron schedule in UTC of a second job that collects the streams' objects (tables), such as `\"7 * * * *\"`. It must run at least every 90 minutes because the policies look back three hours. Only for mode `scheduled`; in continuous mode, set `collect.objects` in config.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.collect_objects_schedule == null || try(length(split(" ", var.collect_objects_schedule)) == 5, false)
    error_message = "collect_objects_schedule must be a cron schedule with five fields, such as \"7 * * * *\" (every hour at minute 7)."
  }

  validation {
    condition     = var.collect_objects_schedule == null || var.mode == "scheduled"
    error_message = "collect_objects_schedule creates a second job, which mode = \"continuous\" doesn't have. Remove it and set `collect: {objects: true}` in config.yaml: the worker pool then collects objects every 15 minutes."
  }

  validation {
    condition     = var.collect_objects_schedule == null || !try(yamldecode(local.config_text).collect.objects, false)
    error_message = "config.yaml has `collect: {objects: true}`, so the job that runs every minute would collect objects too. Set it to false: the job with collect_objects_schedule collects them."
  }
}

variable "image" {
  description = "The exporter's image, by digest: `REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:…`. Cloud Run pulls images only from Artifact Registry and Docker Hub."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+/.+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must have a digest: a tag can point to another image later, and no plan shows it. Write REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:DIGEST. `gcloud artifacts docker images describe IMAGE:TAG --format='value(image_summary.digest)'` prints the digest of a tag."
  }
}

variable "mode" {
  description = "`scheduled`: a Cloud Run job that runs every minute. `continuous`: a worker pool that runs every `watch_interval`."
  type        = string
  default     = "scheduled"
  nullable    = false

  validation {
    condition     = contains(["scheduled", "continuous"], var.mode)
    error_message = "mode must be \"scheduled\" (a Cloud Run job every minute) or \"continuous\" (a worker pool every 10 to 60 seconds). A slower mode doesn't exist: the policies would treat the silence as a dead exporter."
  }
}

variable "scheduler_region" {
  description = "Region of Cloud Scheduler, if it isn't available in `region`."
  type        = string
  default     = null
}

variable "task_count" {
  description = "Number of tasks that share the locations. Increase it if one run can't read all locations in time."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.task_count >= 1 && var.task_count <= 100 && floor(var.task_count) == var.task_count
    error_message = "task_count must be a whole number from 1 to 100."
  }

  validation {
    condition     = var.task_count == 1 || var.mode == "scheduled"
    error_message = "task_count needs mode = \"scheduled\": the worker pool of mode = \"continuous\" has one instance."
  }
}

variable "watch_interval" {
  description = "Time between runs in continuous mode, `\"10s\"` to `\"60s\"`. Cloud Monitoring rejects points that are closer together, and the policies treat a longer silence as a dead exporter."
  type        = string
  default     = "10s"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+s$", var.watch_interval)) && try(tonumber(trimsuffix(var.watch_interval, "s")) >= 10 && tonumber(trimsuffix(var.watch_interval, "s")) <= 60, false)
    error_message = "watch_interval must be whole seconds from \"10s\" to \"60s\": Cloud Monitoring rejects points that are closer together, and the policies treat a longer silence as a dead exporter."
  }
}
