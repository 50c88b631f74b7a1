variable "create_policies" {
  description = "Whether to create the alert policies. To turn off single ones, use `policy_overrides`."
  type        = bool
  default     = true
  nullable    = false
}

variable "notification_channels" {
  description = "Channels to notify by severity: `{ CRITICAL = [\"projects/PROJECT/notificationChannels/ID\"] }`."
  type        = map(list(string))
  default     = {}
  nullable    = false
}

variable "policy_directory" {
  description = "Folder with your own policies: YAML files in the form of those in `alerting_policies/`."
  type        = string
  default     = null
}

variable "policy_overrides" {
  description = "Changes to single policies, by file name without .yaml: see [Policies](#policies)."
  type        = any # inputs/ has the type
  default     = {}
  nullable    = false
}

variable "renotify_intervals" {
  description = "How often an open incident notifies again: `{ CRITICAL = \"14400s\" }`. By default, it notifies once."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "routes" {
  description = "Who gets the alerts of which watched projects, by a name of your choice: see [Routes](#routes)."
  type        = any # inputs/ has the type
  default     = {}
  nullable    = false
}

variable "slack_channel" {
  description = "Slack channel to create, such as `{ channel_name = \"#data-alerts\" }`: see [Slack](#slack)."
  type        = any # inputs/ has the type
  default     = null
}

variable "slack_mentions" {
  description = "Slack mentions in alert texts, by severity: `\"<!subteam^ID>\"`, `\"<@USER>\"`, `\"<!channel>\"`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "slack_token" {
  description = "Slack bot's token (`xoxb-…`) for `slack_channel`. It is stored in neither plan nor state."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}
