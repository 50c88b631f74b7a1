# Mode `function`: a Cloud Run function that Google builds from this repository's files, and Cloud Scheduler calls.

locals {
  # A release's archive has the source. From any other source of the module, the apply makes it.
  released_source = "${path.module}/function.zip"
  is_released     = fileexists(local.released_source)
  # Only what the function needs, so that nothing else rebuilds it, and without the line ends of a clone on Windows.
  function_files = {
    for name, source in merge(
      { for file in fileset(local.shared, "exporter/**/*.{py,yaml}") : file => "${local.shared}/${file}" },
      { "main.py" = "${path.module}/function/main.py" },
      { "requirements.txt" = "${local.shared}/requirements/function.txt" },
    ) : name => replace(file(source), "\r\n", "\n") if local.is_function && !local.is_released
  }
  source_hash = local.is_released ? filesha256(local.released_source) : sha256(jsonencode(local.function_files))
  made_source = "${path.root}/.terraform/${local.metrics_project}-${var.name}.zip"
  # A run ends five seconds before this, so one with the default deadline of 50s is whole, and over at the next call.
  function_timeout = 55
  # The address of the Cloud Run service: the other one, of Cloud Functions, isn't internal.
  function_uri = one(google_cloudfunctions2_function.exporter[*].service_config[0].uri)

  # A build names its account with the account's project. In an address, example.com:orders is orders.example.com.
  build_home = try(regex("@([^.]+)[.]?(.*)[.]iam[.]gserviceaccount[.]com$", local.emails.build), [local.job_project])
  # Full names, known at plan.
  build_account_id = "projects/${join(":", compact(reverse(local.build_home)))}/serviceAccounts/${local.emails.build}"
  build_repository = "${local.job_parent}/locations/${var.region}/repositories/${var.name}"
}

# Where a plan changes this, Terraform reads the archive at apply, which so makes it there: a plan may be applied on
# another machine. A new bucket changes it, too. Where the object alone is gone, plan with -replace of this.
resource "terraform_data" "function_files" {
  count = local.is_function && !local.is_released ? 1 : 0
  input = { bucket = google_storage_bucket.source[0].id, hash = local.source_hash }
}

# `source` blocks have no file modes and no times, and the provider sorts them: each machine makes the same archive.
data "archive_file" "function" {
  count       = local.is_function && !local.is_released ? 1 : 0
  type        = "zip"
  output_path = local.made_source

  dynamic "source" {
    for_each = local.function_files
    content {
      filename = source.key
      # No secret, but a plan would print it.
      content = sensitive(source.value)
    }
  }
  depends_on = [terraform_data.function_files]
}

resource "google_storage_bucket" "source" {
  #checkov:skip=CKV_GCP_62:Only this module's apply and the build read it, and Cloud Audit Logs record both.
  #checkov:skip=CKV_GCP_78:Each version of the source is an object of its own, and Git has them all.
  count    = local.is_function ? 1 : 0
  project  = local.job_project
  location = var.region
  # Names of buckets are unique in all of Google Cloud, and take neither . nor :.
  name                        = "${replace(local.job_project, "/[.:]/", "-")}-${var.name}-source"
  labels                      = var.labels
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true
  # It holds nothing that an apply doesn't make again.
  force_destroy = true

  dynamic "encryption" {
    for_each = var.encryption_key[*]
    content { default_kms_key_name = encryption.value }
  }
  depends_on = [google_monitoring_custom_service.deployment]
}

resource "google_storage_bucket_object" "source" {
  count = local.is_function ? 1 : 0
  # The id of a new bucket is known after apply, so a replacement replaces the object too.
  bucket = google_storage_bucket.source[0].id
  # A new source has a new name, which updates the function.
  name = "${local.source_hash}.zip"
  # The path is known at plan, where the archive may not be: an unknown one would replace the object.
  source = local.is_released ? local.released_source : local.made_source

  # The archive's hash. The archive may not be there at plan, and the name has a hash already.
  lifecycle { ignore_changes = [detect_md5hash] }
  depends_on = [data.archive_file.function]
}

resource "google_artifact_registry_repository" "build" {
  count         = local.is_function ? 1 : 0
  project       = local.job_project
  location      = var.region
  repository_id = var.name
  description   = "Images of the Datastream exporter's function, which Google builds."
  format        = "DOCKER"
  kms_key_name  = var.encryption_key
  labels        = var.labels
  # Each upgrade builds an image, and a cache for the next build. A month's stay, and the newest of each.
  cleanup_policies {
    id     = "old"
    action = "DELETE"
    condition { older_than = "2592000s" }
  }
  cleanup_policies {
    id     = "newest"
    action = "KEEP"
    most_recent_versions { keep_count = 5 }
  }
  depends_on = [google_monitoring_custom_service.deployment]
}

# New grants and newly enabled APIs take about two minutes to work, and nothing tries a failed build again.
resource "time_sleep" "before_build" {
  count           = local.is_function ? 1 : 0
  create_duration = "120s"
  # A new account waits again, and so does a new repository, which has new grants.
  triggers = { account = local.build_account_id, repository = google_artifact_registry_repository.build[0].create_time }
  lifecycle { replace_triggered_by = [terraform_data.account["build"]] }
  depends_on = [
    google_artifact_registry_repository_iam_member.grant, google_project_iam_member.build,
    google_project_service.enabled,
  ]
}

resource "google_cloudfunctions2_function" "exporter" {
  count        = local.is_function ? 1 : 0
  project      = local.job_project
  location     = var.region
  name         = var.name
  description  = "Lists Datastream streams and writes their states to Cloud Monitoring."
  kms_key_name = var.encryption_key
  labels       = var.labels

  build_config {
    runtime     = "python313"
    entry_point = "run"
    # Otherwise Google creates a repository that a destroy leaves behind.
    docker_repository     = local.build_repository
    service_account       = local.build_account_id
    environment_variables = length(var.build_environment_variables) > 0 ? var.build_environment_variables : null
    worker_pool           = var.build_worker_pool
    source {
      storage_source {
        bucket = google_storage_bucket.source[0].name
        object = google_storage_bucket_object.source[0].name
        # Without it, an update would build the generation of the previous object.
        generation = google_storage_bucket_object.source[0].generation
      }
    }
  }

  service_config {
    available_cpu         = var.cpu
    available_memory      = var.memory
    environment_variables = local.environment
    service_account_email = local.emails.exporter
    timeout_seconds       = local.function_timeout
    # Two instances would write the same series. Calls during a run wait in this one, as many as there are threads.
    max_instance_count               = 1
    max_instance_request_concurrency = 4
    all_traffic_on_latest_revision   = true
    binary_authorization_policy      = var.binary_authorization
    # Cloud Scheduler of the same project counts as internal.
    ingress_settings  = "ALLOW_INTERNAL_ONLY"
    direct_vpc_egress = one([for vpc in var.vpc_access[*] : "VPC_EGRESS_${vpc.egress}"])

    dynamic "direct_vpc_network_interface" {
      for_each = var.vpc_access[*]
      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
        tags       = direct_vpc_network_interface.value.tags
      }
    }
  }
  # Everything that the build and the first run need.
  depends_on = [
    google_monitoring_metric_descriptor.exporter, google_project_iam_member.grant, terraform_data.account,
    time_sleep.before_build,
  ]
}
