variable "binary_authorization" {
  description = "Binary Authorization policy: `\"default\"`, or `projects/PROJECT/platforms/cloudRun/policies/POLICY`."
  type        = string
  default     = null
}

variable "build_environment_variables" {
  description = "Environment variables of the function's build. Emptying the map leaves the old ones at Google."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "build_worker_pool" {
  description = "Private pool that builds the function: `projects/PROJECT/locations/REGION/workerPools/POOL`."
  type        = string
  default     = null
}

variable "config_yaml" {
  description = "Text of config.yaml: `file(\"$${path.module}/config.yaml\")`."
  type        = string
  nullable    = false

  # It prints a path, never a config.
  validation {
    condition     = !can(regex("^[^\n:{]+$", trimspace(var.config_yaml)))
    error_message = "config_yaml takes the text of config.yaml, not its path: file(\"$${path.module}/config.yaml\")."
  }
}

variable "cpu" {
  description = "CPUs of the function or job."
  type        = string
  default     = "1"
  nullable    = false

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.cpu)
    error_message = "cpu must be 1, 2, 4, 6 or 8."
  }
}

variable "enable_apis" {
  description = "Whether to enable the required APIs. Set it to false if they are managed elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "encryption_key" {
  description = "Cloud KMS key (CMEK): `projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY`."
  type        = string
  default     = null

  validation {
    condition     = var.encryption_key == null || can(regex("^projects/.+/cryptoKeys/[^/]+$", var.encryption_key))
    error_message = "encryption_key must be projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY."
  }
}

variable "environment_variables" {
  description = "More environment variables of the exporter, such as `{ HTTPS_PROXY = \"http://proxy:3128\" }`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for name in keys(var.environment_variables) :
      name == "DATASTREAM_EXPORTER_VERBOSE" || !can(regex("^DATASTREAM_EXPORTER_|_EMULATOR_HOST$", name))
    ])
    error_message = "Of the exporter's own variables, only DATASTREAM_EXPORTER_VERBOSE is for here."
  }
}

variable "image" {
  description = "Image of the job, by digest: `REGION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE@sha256:…`."
  type        = string
  default     = null

  # A tag can point to another image later.
  validation {
    condition     = var.image == null || can(regex("^[^@:]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must end with a digest, @sha256:…, and have no tag. The README has the command for it."
  }
}

variable "labels" {
  description = "Labels of everything that takes labels, such as `{ team = \"data\" }`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "log_metrics" {
  description = "Whether to create the log-based metric that stream-stalled reads, in each watched project."
  type        = bool
  default     = true
  nullable    = false
}

variable "manage_iam" {
  description = "Whether to create the custom roles and make the grants. If not, the output `iam_grants` lists them."
  type        = bool
  default     = true
  nullable    = false
}

variable "manage_metrics_scope" {
  description = "Whether to add the watched projects to the metrics project's metrics scope."
  type        = bool
  default     = true
  nullable    = false
}

variable "memory" {
  description = "Memory of the function or job."
  type        = string
  default     = "512Mi"
  nullable    = false

  validation {
    condition = (
      try(regex("^([0-9]+)Mi$", var.memory)[0] >= 512, false) || try(regex("^([0-9]+)Gi$", var.memory)[0] >= 1, false)
    )
    error_message = "memory must be whole Mi or Gi, at least 512Mi. Cloud Run rejects a job with less."
  }
}

variable "mode" {
  description = "What runs, as often as config.yaml says: a Cloud Run `function` or a Cloud Run `job`."
  type        = string
  default     = "function"
  nullable    = false

  validation {
    condition     = contains(["function", "job"], var.mode)
    error_message = "mode must be function or job."
  }
  validation {
    condition     = var.mode != "job" || var.image != null
    error_message = "mode = \"job\" needs image. The README says how to build one; mode = \"function\" needs none."
  }
}

variable "name" {
  description = "Name of the function or job, and prefix of the service accounts and the custom role."
  type        = string
  default     = "datastream-exporter"
  nullable    = false

  # The service accounts add a suffix, and may have 30 characters. Google refuses a bucket with its own name.
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,22}[a-z0-9]$", var.name)) && !strcontains(var.name, "goog")
    error_message = "name must have 6 to 24 of a-z, 0-9 and -, begin with a letter, not end with -, and not have goog."
  }
}

variable "paused" {
  description = "Whether to stop the exporter: no schedule. Policies about its runs and age are off."
  type        = bool
  default     = false
  nullable    = false
}

variable "project_id" {
  description = "Project that the exporter runs in. By default, the metrics project in config.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.project_id == null || can(regex("^[a-z][a-z0-9.:-]+$", var.project_id))
    error_message = "project_id must be an id, such as orders-prod, not a number or a display name."
  }
}

variable "region" {
  description = "Region that the exporter runs in, such as `\"europe-west1\"`. It can watch any location."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-(north|east|south|west|central){1,2}[0-9]+$", var.region))
    error_message = "region must be a region of Cloud Run, such as europe-west1; no zone, not global."
  }
}

variable "service_accounts" {
  description = "Addresses of existing accounts, by what they do: `exporter`, `scheduler`, `build`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key, email in var.service_accounts :
      contains(["build", "exporter", "scheduler"], key) && can(regex("^[^@: ]+@[^@ ]+[.][^@ ]+$", email))
    ])
    error_message = "service_accounts must be addresses, of build, exporter and scheduler."
  }
  # https://cloud.google.com/scheduler/docs/http-target-auth
  validation {
    condition = alltrue([
      for key, email in var.service_accounts : endswith(email, local.own_domain)
      if key == "scheduler" && endswith(email, ".iam.gserviceaccount.com")
    ])
    error_message = "Google takes scheduler only if it is of ${local.job_project}, where the exporter runs."
  }
}

variable "vpc_access" {
  description = "Direct VPC egress: `network` or `subnetwork`, `tags`, and `egress`, `ALL_TRAFFIC` by default."
  type = object({
    egress     = optional(string, "ALL_TRAFFIC")
    network    = optional(string)
    subnetwork = optional(string)
    tags       = optional(list(string))
  })
  default = null

  validation {
    condition     = var.vpc_access == null || can(coalesce(var.vpc_access.network, var.vpc_access.subnetwork))
    error_message = "vpc_access needs network or subnetwork."
  }
}
