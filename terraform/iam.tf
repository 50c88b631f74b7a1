# Accounts without keys, each with the few grants that it needs. The accounts can exist already, and somebody else can
# make the grants: see service_accounts and manage_iam.

locals {
  # By what they do: what follows `name`, and whether there is a need.
  accounts = {
    build     = { suffix = "-build", needed = local.is_function, does = "Builds the function." }
    exporter  = { suffix = "", needed = true, does = "Lists Datastream streams and writes their states as metrics." }
    push      = { suffix = "-push", needed = local.is_triggered, does = "Calls the function when Datastream logs." }
    scheduler = { suffix = "-cron", needed = true, does = "Starts the runs." }
  }
  needed_accounts  = toset([for key, account in local.accounts : key if account.needed])
  created_accounts = setsubtract(local.needed_accounts, keys(var.service_accounts))

  # From names, not from the accounts: so the first plan shows who gets what.
  emails = merge(
    { for key, account in local.accounts : key => "${var.name}${account.suffix}${local.own_domain}" },
    var.service_accounts,
  )
  members = { for key, email in local.emails : key => "serviceAccount:${email}" }

  # Google's roles allow more: datastream.viewer shows hosts and users of connection profiles, monitoring.viewer all of
  # Cloud Monitoring, and monitoring.metricWriter creates metrics. Another deployment may watch the same project, so the
  # name has the metrics project, which has only one.
  lister_id = substr(replace("${var.name}_of_${local.metrics_project}", "/[^a-z0-9]/", "_"), 0, 64)
  stream_permissions = concat(
    local.collect.objects ? ["datastream.objects.list"] : [],
    ["datastream.streams.list"],
  )
  lister_permissions = {
    for project in setunion(local.watched_projects, [local.metrics_project]) : project => concat(
      contains(local.discovering, project) ? ["datastream.locations.list"] : [],
      contains(local.watched_projects, project) ? local.stream_permissions : [],
      # To write the series, and to read problems back.
      project == local.metrics_project ? ["monitoring.timeSeries.create", "monitoring.timeSeries.list"] : [],
    )
  }

  # Who gets which role on what. The keys are in addresses in the state.
  parent = "projects/${local.job_project}"
  grants = { for key, grant in merge(
    { for project, permissions in local.lister_permissions : "list/${project}" => {
      account = "exporter", on = "projects/${project}", permissions = permissions
      role    = "projects/${project}/roles/${local.lister_id}"
    } },
    {
      # On the job, not on the project.
      start = { account = "scheduler", role = "roles/run.invoker", on = local.job_name, needed = var.mode == "job" }
      # On the service in Cloud Run: a role on the function doesn't allow calls.
      call = { account = "scheduler", role = "roles/run.invoker", on = local.service_name, needed = local.is_function }
      push = { account = "push", role = "roles/run.invoker", on = local.service_name }

      build_log   = { account = "build", role = "roles/logging.logWriter", on = local.parent }
      build_write = { account = "build", role = "roles/artifactregistry.writer", on = local.build_repository }
      # Google's own copy of the source, not this module's bucket.
      build_read = { account = "build", role = "roles/storage.objectViewer", on = local.parent, condition = {
        title      = "Sources of functions"
        expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
      } }
    },
    ) : key => merge({ condition = null, member = local.members[grant.account] }, grant)
    if local.accounts[grant.account].needed && lookup(grant, "needed", true)
  }
  sink_grants = { for project in local.triggering_projects : "log/${project}" => {
    member = google_logging_project_sink.log[project].writer_identity, role = "roles/pubsub.publisher", condition = null
    on     = "${local.parent}/topics/${var.name}-log"
  } }
  made_grants = { for key, grant in local.grants : key => grant if var.manage_iam }
}

resource "google_service_account" "account" {
  for_each = local.created_accounts

  project      = local.job_project
  account_id   = "${var.name}${local.accounts[each.key].suffix}"
  display_name = "Datastream exporter: ${each.key}"
  description  = local.accounts[each.key].does
  depends_on   = [google_monitoring_custom_service.deployment]
}

# Whom an address stands for. An account that is created again has none of the grants of the old one, and they die with
# that: a change here replaces its grants, and no other's. Whatever uses an address waits for this.
resource "terraform_data" "account" {
  for_each = local.needed_accounts

  input = try(google_service_account.account[each.key].unique_id, local.emails[each.key])
}

resource "google_project_iam_custom_role" "lister" {
  for_each = var.manage_iam ? local.lister_permissions : {}

  project     = each.key
  role_id     = local.lister_id
  title       = "Datastream lister of ${var.name}"
  description = "Only what the Datastream exporter of ${local.metrics_project} needs."
  permissions = each.value
  depends_on  = [google_monitoring_custom_service.deployment]
}

resource "google_project_iam_member" "grant" {
  for_each = { for key, grant in local.made_grants : key => grant if grant.account == "exporter" }

  project = basename(each.value.on)
  role    = each.value.role
  member  = each.value.member
  lifecycle { replace_triggered_by = [terraform_data.account["exporter"]] }
  depends_on = [google_project_iam_custom_role.lister]
}

resource "google_project_iam_member" "build" {
  for_each = { for key, grant in local.made_grants : key => grant if contains(["build_log", "build_read"], key) }

  project = local.job_project
  role    = each.value.role
  member  = each.value.member

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
  for_each = { for key, grant in local.made_grants : key => grant if grant.on == local.build_repository }

  project  = local.job_project
  location = var.region
  # The name of a new repository is known after apply, so a replacement replaces the grant too.
  repository = google_artifact_registry_repository.build[0].name
  role       = each.value.role
  member     = each.value.member
  lifecycle { replace_triggered_by = [terraform_data.account["build"]] }
}

# This grant and those below also die with what they are on, and Terraform knows it by name only.
resource "google_cloud_run_v2_job_iam_member" "grant" {
  for_each = { for key, grant in local.made_grants : key => grant if grant.on == local.job_name }

  project  = local.job_project
  location = var.region
  name     = var.name
  role     = each.value.role
  member   = each.value.member
  lifecycle { replace_triggered_by = [google_cloud_run_v2_job.exporter[0].uid, terraform_data.account["scheduler"]] }
  depends_on = [google_cloud_run_v2_job.exporter]
}

resource "google_cloud_run_v2_service_iam_member" "grant" {
  # By account: only a key may stand below.
  for_each = { for key, grant in local.made_grants : grant.account => grant if grant.on == local.service_name }

  project  = local.job_project
  location = var.region
  name     = var.name
  role     = each.value.role
  member   = each.value.member
  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.exporter[0].url, terraform_data.account[each.key]]
  }
  depends_on = [google_cloudfunctions2_function.exporter]
}

resource "google_pubsub_topic_iam_member" "grant" {
  for_each = { for key, grant in local.sink_grants : key => grant if var.manage_iam }

  project = local.job_project
  topic   = "${var.name}-log"
  role    = each.value.role
  member  = each.value.member
  lifecycle { replace_triggered_by = [google_pubsub_topic.log[0].id] }
  depends_on = [google_pubsub_topic.log]
}

# Addresses of an earlier version.
moved {
  from = google_project_iam_member.grant["build_log"]
  to   = google_project_iam_member.build["build_log"]
}
moved {
  from = google_project_iam_member.grant["build_read"]
  to   = google_project_iam_member.build["build_read"]
}
moved {
  from = google_cloud_run_v2_service_iam_member.grant["call"]
  to   = google_cloud_run_v2_service_iam_member.grant["scheduler"]
}
