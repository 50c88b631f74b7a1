# Accounts without keys, each with the few grants that it needs. The accounts can exist already, and
# somebody else can make the grants: see service_accounts and manage_iam.

locals {
  # By what they do: what follows `name`, and whether there is a need.
  accounts = {
    build     = { suffix = "-build", needed = local.is_function, does = "Builds the Cloud Run function of the Datastream exporter." }
    exporter  = { suffix = "", needed = true, does = "Lists Datastream streams and writes their states to Cloud Monitoring." }
    push      = { suffix = "-push", needed = local.is_triggered, does = "Calls the Datastream exporter when Datastream logs something." }
    scheduler = { suffix = "-cron", needed = local.scheduled, does = "Starts the runs of the Datastream exporter." }
  }
  created_accounts = { for key, account in local.accounts : key => account if account.needed && !contains(keys(var.service_accounts), key) }

  # Of a created account, from its id: a new account's id is known after apply, so that its grants are replaced.
  # Its address is known at plan, and the grants would die with the old account.
  emails  = merge({ for key in keys(local.accounts) : key => null }, { for key, account in google_service_account.account : key => element(split("/", account.id), 3) }, var.service_accounts)
  members = { for key, account in local.accounts : key => account.needed ? "serviceAccount:${local.emails[key]}" : null }

  # roles/datastream.viewer would also show connection profiles with their hosts and users. Another
  # deployment may watch the same project, so the name has the metrics project, which has only one. There,
  # the role is for reading problems back: roles/monitoring.viewer would show all of Cloud Monitoring.
  lister_id = substr(replace("${var.name}_of_${local.metrics_project}", "/[^a-z0-9]/", "_"), 0, 64)
  stream_permissions = concat(
    local.collect.objects ? ["datastream.objects.list"] : [],
    local.collect.private_connections ? ["datastream.privateConnections.list"] : [],
    ["datastream.streams.list"],
  )
  lister_permissions = {
    for project in setunion(local.watched_projects, [local.metrics_project]) : project => concat(
      contains(local.discovering, project) ? ["datastream.locations.list"] : [],
      contains(local.watched_projects, project) ? local.stream_permissions : [],
      project == local.metrics_project ? ["monitoring.timeSeries.list"] : [],
    )
  }

  # Every grant: for the resources below, by kind, and for those who make the grants themselves.
  grants = {
    for key, grant in merge(
      { for project in keys(local.lister_permissions) : "list/${project}" => { kind = "project", member = local.members.exporter, role = "projects/${project}/roles/${local.lister_id}", project = project } },
      { for project in local.triggering_projects : "log/${project}" => { kind = "topic", member = google_logging_project_sink.log[project].writer_identity, role = "roles/pubsub.publisher" } },
      {
        write = { kind = "project", member = local.members.exporter, role = "roles/monitoring.metricWriter", project = local.metrics_project }
        # On the job, not on the project.
        start = { needed = var.mode == "job", kind = "job", member = local.members.scheduler, role = "roles/run.invoker" }
        # On the function's service in Cloud Run: a role on the function doesn't allow calls.
        call = { needed = local.is_function, kind = "service", member = local.members.scheduler, role = "roles/run.invoker" }
        push = { needed = local.is_triggered, kind = "service", member = local.members.push, role = "roles/run.invoker" }
        # The build reads Google's own copy of the source, not this module's bucket.
        build_log   = { needed = local.is_function, kind = "project", member = local.members.build, role = "roles/logging.logWriter" }
        build_read  = { needed = local.is_function, kind = "project", member = local.members.build, role = "roles/storage.objectViewer", condition = { title = "Sources of functions", expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")" } }
        build_write = { needed = local.is_function, kind = "repository", member = local.members.build, role = "roles/artifactregistry.writer" }
      },
    ) : key => merge({ project = local.job_project, condition = null }, grant) if try(grant.needed, true)
  }

  # What a grant of each kind is on, if not on the project, and the command for it, up to the project's name.
  grant_kinds = {
    job        = { resource = local.job_name, command = "gcloud run jobs add-iam-policy-binding ${var.name} --region ${var.region} --project" }
    project    = { resource = null, command = "gcloud projects add-iam-policy-binding" }
    repository = { resource = local.build_repository, command = "gcloud artifacts repositories add-iam-policy-binding ${var.name} --location ${var.region} --project" }
    service    = { resource = local.service_name, command = "gcloud run services add-iam-policy-binding ${var.name} --region ${var.region} --project" }
    topic      = { resource = "projects/${local.job_project}/topics/${var.name}-log", command = "gcloud pubsub topics add-iam-policy-binding ${var.name}-log --project" }
  }

  made_grants = {
    for kind in keys(local.grant_kinds) : kind => {
      for key, grant in local.grants : key => grant if var.manage_iam && grant.kind == kind
    }
  }
}

resource "google_service_account" "account" {
  for_each = local.created_accounts

  project      = local.job_project
  account_id   = "${var.name}${each.value.suffix}"
  display_name = "Datastream exporter: ${each.key}"
  description  = each.value.does

  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_project_iam_custom_role" "lister" {
  for_each = var.manage_iam ? local.lister_permissions : {}

  project     = each.key
  role_id     = local.lister_id
  title       = "Datastream lister of ${var.name}"
  description = "Only what the Datastream exporter of ${local.metrics_project} reads."
  permissions = each.value

  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_project_iam_member" "grant" {
  for_each = local.made_grants.project

  project = each.value.project
  role    = each.value.role
  member  = each.value.member

  dynamic "condition" {
    for_each = each.value.condition[*]

    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }

  depends_on = [google_project_iam_custom_role.lister]
}

# The grants below die with what they are on, and Terraform knows it by name only: a replacement must
# replace them too.

resource "google_cloud_run_v2_job_iam_member" "grant" {
  for_each = local.made_grants.job

  project  = each.value.project
  location = var.region
  name     = var.name
  role     = each.value.role
  member   = each.value.member

  lifecycle {
    replace_triggered_by = [google_cloud_run_v2_job.exporter[0].uid]
  }

  depends_on = [google_cloud_run_v2_job.exporter]
}

resource "google_cloud_run_v2_service_iam_member" "grant" {
  for_each = local.made_grants.service

  project  = each.value.project
  location = var.region
  name     = var.name
  role     = each.value.role
  member   = each.value.member

  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.exporter[0].url]
  }

  depends_on = [google_cloudfunctions2_function.exporter]
}

resource "google_artifact_registry_repository_iam_member" "grant" {
  for_each = local.made_grants.repository

  project  = each.value.project
  location = var.region
  # The name of a new repository is known after apply, so a replacement replaces the grant too.
  repository = google_artifact_registry_repository.build[0].name
  role       = each.value.role
  member     = each.value.member
}

resource "google_pubsub_topic_iam_member" "grant" {
  for_each = local.made_grants.topic

  project = each.value.project
  topic   = "${var.name}-log"
  role    = each.value.role
  member  = each.value.member

  lifecycle {
    replace_triggered_by = [google_pubsub_topic.log[0].id]
  }

  depends_on = [google_pubsub_topic.log]
}
