variable "binary_authorization" {
  description = "Binary Authorization policy that Cloud Run checks the image against: `\"default\"` for the project's own, or `projects/PROJECT/platforms/cloudRun/policies/POLICY`. By default, none."
  type        = string
  default     = null

  validation {
    condition = var.binary_authorization == null || can(regex(
    "^(default|projects/[^/]+/platforms/cloudRun/policies/[^/]+)$", var.binary_authorization))
    error_message = "binary_authorization must be \"default\" or projects/PROJECT/platforms/cloudRun/policies/POLICY."
  }
}

variable "build_environment_variables" {
  description = "Environment variables of the function's build, such as `{ PIP_INDEX_URL = \"https://europe-west1-python.pkg.dev/PROJECT/REPOSITORY/simple/\" }`: it then installs from your own index, and the hashes of the lock still count. Write no password: it would be in the plan and the state."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for key, url in var.build_environment_variables : !can(regex("INDEX.*http:", "${key}${url}"))])
    error_message = join(" ", concat(["build_environment_variables: an index must start with https://, but not so"],
    [for key, url in var.build_environment_variables : key if can(regex("INDEX.*http:", "${key}${url}"))]))
  }
}

variable "build_worker_pool" {
  description = "Private pool of Cloud Build that builds the function: `projects/PROJECT/locations/REGION/workerPools/POOL`. By default, Google's own pool, which reaches the internet."
  type        = string
  default     = null
}

variable "cpu" {
  description = "CPUs of each task, of the worker pool or of the function."
  type        = string
  default     = "1"
  nullable    = false

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.cpu)
    error_message = "cpu must be \"1\", \"2\", \"4\", \"6\" or \"8\"."
  }
}

variable "encryption_key" {
  description = "Cloud KMS key (CMEK) that encrypts the deployed image, and with a function its source, its repository and its topic: `projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY`."
  type        = string
  default     = null

  validation {
    condition     = var.encryption_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.encryption_key))
    error_message = "encryption_key must have the form projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY, without a version."
  }
}

variable "environment_variables" {
  description = "More environment variables of the exporter, such as `{ HTTPS_PROXY = \"http://proxy:3128\" }`, or `{ DATASTREAM_EXPORTER_VERBOSE = \"1\" }` for a log entry for each call."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment_variables) : name == "DATASTREAM_EXPORTER_VERBOSE" || !can(regex("^DATASTREAM_EXPORTER_|_EMULATOR_HOST$", name))])
    error_message = "environment_variables: ${join(", ", [for name in keys(var.environment_variables) : name if name != "DATASTREAM_EXPORTER_VERBOSE" && can(regex("^DATASTREAM_EXPORTER_|_EMULATOR_HOST$", name))])} would change what config.yaml says. Set it in config.yaml."
  }
}

variable "image" {
  description = "The exporter's image, by digest: `REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:…`. Cloud Run pulls images only from Artifact Registry and Docker Hub. Mode `function` needs none."
  type        = string
  default     = null

  validation {
    condition     = var.image != null || var.mode == "function"
    error_message = "mode = \"${var.mode}\" needs image. Build it as the module's README describes, or use mode = \"function\", which needs none."
  }

  validation {
    # Without a dot or a colon, the first part isn't a registry: the image is on Docker Hub.
    condition     = var.image == null || can(regex("^((docker\\.io|([a-z.-]+\\.)?gcr\\.io|[a-z0-9.-]+\\.pkg\\.dev)/)?[a-z0-9_-]+(/[a-z0-9._-]+)*@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be in Artifact Registry or on Docker Hub, from where Cloud Run pulls images, and have a digest: a tag can point to another image later, and no plan shows it. Write REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:DIGEST. `gcloud artifacts docker images describe IMAGE:TAG --format='value(image_summary.digest)'` prints the digest of a tag."
  }
}

variable "log_triggers" {
  description = "Whether Datastream's log and audit log also call the function: an error, a change of state or an administrator's change then leads to a run within seconds. By default they do in mode `function`; the other modes can't."
  type        = bool
  default     = null
}

variable "memory" {
  description = "Memory of each task, of the worker pool or of the function."
  type        = string
  default     = "512Mi"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi)$", var.memory)) && try(tonumber(regex("^[0-9]+", var.memory)) * { Mi = 1, Gi = 1024 }[regex("[MG]i$", var.memory)] >= 512, false)
    error_message = "memory must be at least \"512Mi\", in Mi or Gi: Cloud Run rejects a job with less."
  }
}

variable "mode" {
  description = "`function`: a Cloud Run function that is called every minute; Google builds it, so it needs no `image`. `job`: a Cloud Run job that runs every minute. `worker_pool`: a worker pool that runs every `watch_interval`."
  type        = string
  default     = "function"
  nullable    = false

  validation {
    condition     = contains(["function", "job", "worker_pool"], var.mode)
    error_message = "mode must be \"function\" (a Cloud Run function every minute), \"job\" (a Cloud Run job every minute) or \"worker_pool\" (a worker pool every 10 to 60 seconds). A slower mode doesn't exist: the policies would treat the silence as a dead exporter."
  }

  validation {
    condition     = (var.mode == "function" || !(coalesce(var.log_triggers, false) || var.build_worker_pool != null || length(var.build_environment_variables) > 0)) && (var.mode == "job" || var.task_count == 1)
    error_message = "log_triggers needs mode = \"function\": a log can call no other. So do build_worker_pool and build_environment_variables: the other modes run an image that you build. task_count needs mode = \"job\": the others have one instance."
  }
}

variable "paused" {
  description = "Whether to stop the exporter: its schedules are paused, its log triggers or its worker pool are removed. exporter-silent is disabled meanwhile, and every plan warns."
  type        = bool
  default     = false
  nullable    = false
}

variable "service_accounts" {
  description = "Addresses of existing accounts, by what they do: `exporter` lists streams and writes metrics, `scheduler` starts the runs, `build` builds the function, `push` calls it for `log_triggers`. Such as `{ exporter = \"exporter@orders-prod.iam.gserviceaccount.com\" }`. The module creates the others. Those of `scheduler` and `push` must be in the project that the exporter runs in."
  # Not an object: Terraform would drop a misspelled key.
  type     = map(string)
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.service_accounts), keys(local.accounts))) == 0 && alltrue([for email in values(var.service_accounts) : can(regex("^[^@: ]+@[^@ ]+\\.[^@ ]+$", email))])
    error_message = "service_accounts: ${join(" and ", [for key, email in var.service_accounts : "${key} is ${coalesce(email, "null")}"])}. It may have ${join(", ", keys(local.accounts))}, each an address such as \"exporter@orders-prod.iam.gserviceaccount.com\"."
  }

  validation {
    # https://cloud.google.com/scheduler/docs/http-target-auth, https://cloud.google.com/pubsub/docs/push
    condition = alltrue([for key, email in var.service_accounts :
      !contains(["push", "scheduler"], key) || endswith(coalesce(email, "@"), local.own_domain) || !endswith(coalesce(email, "@"), ".iam.gserviceaccount.com")
    ])
    error_message = "service_accounts: scheduler and push must be accounts of ${local.job_project}, where Cloud Scheduler's job and the subscription are. Google accepts no others."
  }
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
}

variable "vpc_access" {
  description = "VPC for outgoing traffic (direct VPC egress): a `network` or `subnetwork`, and network `tags`. `egress` is `ALL_TRAFFIC` or `PRIVATE_RANGES_ONLY`."
  type = object({
    egress     = optional(string, "ALL_TRAFFIC")
    network    = optional(string)
    subnetwork = optional(string)
    tags       = optional(list(string))
  })
  default = null

  validation {
    condition     = var.vpc_access == null || try((var.vpc_access.network != null || var.vpc_access.subnetwork != null) && contains(["ALL_TRAFFIC", "PRIVATE_RANGES_ONLY"], var.vpc_access.egress), false)
    error_message = "vpc_access needs a network or a subnetwork; egress must be ALL_TRAFFIC or PRIVATE_RANGES_ONLY."
  }
}

variable "watch_interval" {
  description = "Time between runs of the worker pool, `\"10s\"` to `\"60s\"`. Cloud Monitoring rejects points that are closer together, and the policies treat a longer silence as a dead exporter."
  type        = string
  default     = "10s"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+s$", var.watch_interval)) && try(tonumber(trimsuffix(var.watch_interval, "s")) >= 10 && tonumber(trimsuffix(var.watch_interval, "s")) <= 60, false)
    error_message = "watch_interval must be whole seconds from \"10s\" to \"60s\": Cloud Monitoring rejects points that are closer together, and the policies treat a longer silence as a dead exporter."
  }
}
