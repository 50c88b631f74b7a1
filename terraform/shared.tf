# The files that the module shares with the rest of the project: alerting_policies/, exporter/ and requirements/.
locals {
  shared = "${path.module}/.."
}
