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

variable "cpu" {
  description = "CPUs of the job or of the function."
  type        = string
  default     = "1"
  nullable    = false
}

variable "encryption_key" {
  description = "Cloud KMS key (CMEK): `projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY`."
  type        = string
  default     = null
}

variable "environment_variables" {
  description = "More environment variables of the exporter, such as `{ HTTPS_PROXY = \"http://proxy:3128\" }`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "image" {
  description = "Image by digest: `REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:…`."
  type        = string
  default     = null
}

variable "log_triggers" {
  description = "Whether Datastream's log and audit log also call the function. By default, in mode `function`."
  type        = bool
  default     = null
}

variable "memory" {
  description = "Memory of the job or of the function."
  type        = string
  default     = "512Mi"
  nullable    = false
}

variable "mode" {
  description = "What runs every minute: a Cloud Run `function` or a Cloud Run `job`."
  type        = string
  default     = "function"
  nullable    = false
}

variable "paused" {
  description = "Whether to stop the exporter: no schedule, no log triggers. exporter-silent is off, too."
  type        = bool
  default     = false
  nullable    = false
}

variable "service_accounts" {
  description = "Addresses of existing accounts, by what they do: `exporter`, `scheduler`, `build`, `push`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "vpc_access" {
  description = "Direct VPC egress: `network` or `subnetwork`, `tags`, and `egress`, `ALL_TRAFFIC` by default."
  type        = any # inputs/ has the type
  default     = null
}
