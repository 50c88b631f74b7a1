# Accounts without keys, each with the few grants that it needs. Each local `..._grants` has a resource that makes its
# grants, and the output iam_grants lists them.

locals {
  # By what they do. The suffix follows var.name.
  accounts = {
    build     = { suffix = "-build", needed = local.is_function, does = "Builds the function." }
    exporter  = { suffix = "", needed = true, does = "Lists Datastream streams and writes their states as metrics." }
    scheduler = { suffix = "-cron", needed = true, does = "Starts the runs." }
  }
  needed_accounts  = toset([for key, account in local.accounts : key if account.needed])
  created_accounts = setsubtract(local.needed_accounts, keys(var.service_accounts))

  # Made of names, not read from the accounts, so that the first plan shows who gets what. The domain has the project's
  # id. For example.com:orders, that is orders.example.com.
  own_domain = "@${join(".", reverse(split(":", local.job_project)))}.iam.gserviceaccount.com"
  emails = merge(
    { for key, account in local.accounts : key => "${var.name}${account.suffix}${local.own_domain}" },
    var.service_accounts,
  )
  members = { for key, email in local.emails : key => "serviceAccount:${email}" }
}

resource "google_service_account" "account" {
  for_each     = local.created_accounts
  project      = local.job_project
  account_id   = "${var.name}${local.accounts[each.key].suffix}"
  display_name = "Datastream exporter: ${each.key}"
  description  = local.accounts[each.key].does
  depends_on   = [google_monitoring_custom_service.deployment]
}

# An account that is deleted and created again has the same address, but another unique id and none of its grants, so a
# changed id replaces its grants. What uses an address depends on this, so that it waits until the account exists.
resource "terraform_data" "account" {
  for_each = local.needed_accounts
  input    = try(google_service_account.account[each.key].unique_id, local.emails[each.key])
}

locals {
  # Google's roles allow more: datastream.viewer shows hosts and users of connection profiles, monitoring.viewer all of
  # Cloud Monitoring. Another deployment may watch the same project, so the name has the metrics project.
  lister_id = substr(replace("${var.name}_of_${local.metrics_project}", "/[^a-z0-9]/", "_"), 0, 64)
  lister_permissions = {
    for project in setunion(local.watched_projects, [local.metrics_project]) : project => concat(
      contains(local.discovered_projects, project) ? ["datastream.locations.list"] : [],
      contains(local.watched_projects, project) && local.config.collect.objects ? ["datastream.objects.list"] : [],
      contains(local.watched_projects, project) ? ["datastream.streams.list"] : [],
      # To write the series, and to read problems back.
      project == local.metrics_project ? ["monitoring.timeSeries.create", "monitoring.timeSeries.list"] : [],
    )
  }
  exporter_grants = {
    for project, permissions in local.lister_permissions : "list/${project}" => {
      role = "projects/${project}/roles/${local.lister_id}", resource = "projects/${project}", permissions = permissions
    }
  }
}

resource "google_project_iam_custom_role" "lister" {
  for_each    = var.manage_iam ? local.lister_permissions : {}
  project     = each.key
  role_id     = local.lister_id
  title       = "Datastream lister of ${var.name}"
  description = "Only what the Datastream exporter of ${local.metrics_project} needs."
  permissions = each.value
  depends_on  = [google_monitoring_custom_service.deployment]
}

resource "google_project_iam_member" "grant" {
  for_each = var.manage_iam ? local.exporter_grants : {}
  project  = trimprefix(each.value.resource, "projects/")
  role     = each.value.role
  member   = local.members.exporter
  lifecycle { replace_triggered_by = [terraform_data.account["exporter"]] }
  depends_on = [google_project_iam_custom_role.lister]
}

locals {
  # Google's own copies of the source, not this module's bucket.
  on_sources = {
    title      = "Sources of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
  }
  # With `? :`, both grants would need one type.
  build_grants = {
    for key, grant in {
      build_log  = { role = "roles/logging.logWriter", resource = local.job_parent, condition = null }
      build_read = { role = "roles/storage.objectViewer", resource = local.job_parent, condition = local.on_sources }
    } : key => grant if local.is_function
  }
  repository_grants = local.is_function ? {
    build_write = { role = "roles/artifactregistry.writer", resource = local.build_repository }
  } : {}
}

resource "google_project_iam_member" "build" {
  for_each = { for key, grant in local.build_grants : key => grant if var.manage_iam }
  project  = local.job_project
  role     = each.value.role
  member   = local.members.build

  dynamic "condition" {
    for_each = each.value.condition[*]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
  lifecycle { replace_triggered_by = [terraform_data.account["build"]] }
  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_artifact_registry_repository_iam_member" "grant" {
  for_each = var.manage_iam ? local.repository_grants : {}
  project  = local.job_project
  location = var.region
  # The name of a new repository is known after apply, so a replacement replaces the grant too.
  repository = google_artifact_registry_repository.build[0].name
  role       = each.value.role
  member     = local.members.build
  lifecycle { replace_triggered_by = [terraform_data.account["build"]] }
}

# The grants below end with the job or service that they are on. They have it by name only, so Terraform has to be told
# to replace them with it.

locals {
  # On the job, not on the project.
  job_grants = local.is_function ? {} : { start = { role = "roles/run.invoker", resource = local.job_name } }
  # On the service in Cloud Run: a role on the function doesn't allow calls.
  service_grants = local.is_function ? {
    scheduler = {
      role = "roles/run.invoker", resource = "${local.job_parent}/locations/${var.region}/services/${var.name}"
    }
  } : {}
}

resource "google_cloud_run_v2_job_iam_member" "grant" {
  for_each = var.manage_iam ? local.job_grants : {}
  project  = local.job_project
  location = var.region
  name     = var.name
  role     = each.value.role
  member   = local.members.scheduler
  lifecycle { replace_triggered_by = [google_cloud_run_v2_job.exporter[0].uid, terraform_data.account["scheduler"]] }
  depends_on = [google_cloud_run_v2_job.exporter]
}

resource "google_cloud_run_v2_service_iam_member" "grant" {
  for_each = var.manage_iam ? local.service_grants : {}
  project  = local.job_project
  location = var.region
  name     = var.name
  role     = each.value.role
  member   = local.members.scheduler
  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.exporter[0].url, terraform_data.account["scheduler"]]
  }
  depends_on = [google_cloudfunctions2_function.exporter]
}
