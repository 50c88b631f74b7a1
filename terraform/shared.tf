# The files that the module shares with the rest of the project: alerting_policies/, exporter/ and requirements/. In a
# release's archive of the module, they are in its folder: only this file differs there.
locals {
  shared = "${path.module}/.."
}
