variable "labels" {
  description = "Labels of the policies, such as `{ team = \"data\" }`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "notification_channels" {
  description = "Whom to notify: full names of channels in the project, `projects/PROJECT/notificationChannels/ID`."
  type        = list(string)
  nullable    = false

  validation {
    condition = alltrue([
      for name in var.notification_channels : startswith(name, "projects/${var.project_id}/notificationChannels/")
    ])
    error_message = "Each channel must be projects/${var.project_id}/notificationChannels/NUMBER."
  }
}

variable "policies" {
  description = "Which policies: `stream-changed`, `stream-activity-errors`, or both."
  type        = set(string)
  default     = ["stream-activity-errors", "stream-changed"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.policies, ["stream-activity-errors", "stream-changed"])) == 0
    error_message = "Each policy must be stream-activity-errors or stream-changed."
  }
}

variable "project_id" {
  description = "Id of the project whose log the policies watch: that of the streams."
  type        = string
}
