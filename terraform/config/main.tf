# The parts of config.yaml that the infrastructure depends on, with the exporter's defaults. Other keys are dropped:
# `datastream-exporter check` validates the whole file.

variable "config" {
  type = object({
    metrics      = object({ project = string })
    sources      = list(object({ project = string, locations = optional(list(string)) }))
    collect      = optional(object({ objects = optional(bool, false) }), {})
    expectations = optional(list(object({ quiet = optional(string) })), [])
    mutes = optional(list(object({
      match    = optional(string, "")
      reason   = optional(string, "")
      timezone = optional(string, "")
      until    = optional(string, "")
    })), [])
    run = optional(object({
      deadline = optional(string, "50s")
      interval = optional(string, "1m")
      location = optional(string)
      name     = optional(string)
    }), {})
  })
  nullable = false

  validation {
    condition     = length(var.config.sources) > 0
    error_message = "config.yaml: sources is empty, so nothing would be watched."
  }
  validation {
    condition     = contains(["1m", "2m", "3m", "4m", "5m"], var.config.run.interval)
    error_message = "config.yaml: run.interval must be 1m, 2m, 3m, 4m or 5m. Policies look back 13 minutes."
  }
  # Function and job end after 55 seconds.
  validation {
    condition     = can(regex("^([1-9]|[1-4][0-9]|50)s$", var.config.run.deadline))
    error_message = "config.yaml: run.deadline must be 1s to 50s here. If runs take longer, list locations of sources."
  }
  validation {
    condition = alltrue([
      for project in concat([var.config.metrics.project], var.config.sources[*].project) :
      can(regex("^([a-z0-9-]+([.][a-z0-9-]+)+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", project)) && project != "my-project"
    ])
    error_message = "config.yaml: each project must be an id, such as orders-prod, no number and not my-project."
  }
}

output "config" {
  value = var.config
}
