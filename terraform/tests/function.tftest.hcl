# Mode function: the function, its build, its schedule and its log triggers. It needs no cloud and no
# credentials: terraform init && terraform test

mock_provider "google" {}

# Otherwise an apply would wait for two minutes.
mock_provider "time" {}

override_resource {
  target          = google_cloudfunctions2_function.exporter[0]
  override_during = plan
  values          = { service_config = { uri = "https://function" } }
}

variables {
  region                = "europe-west1"
  config_yaml           = <<-EOT
    metrics: {project: orders-prod}
    sources:
      - {project: orders-prod}
      - {project: billing-prod, locations: [europe-west1]}
  EOT
  notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"] }
}

run "function" {
  command = plan

  assert {
    condition = alltrue([
      for config in google_cloudfunctions2_function.exporter[0].service_config :
      config.max_instance_count == 1 && config.max_instance_request_concurrency == 4 && config.ingress_settings == "ALLOW_INTERNAL_ONLY"
    ])
    error_message = "One instance, as two would write the same series; several requests, which wait for the next run; no call from outside."
  }

  assert {
    condition = alltrue([
      for job in google_cloud_scheduler_job.exporter :
      job.schedule == "* * * * *" && job.http_target[0].http_method == "POST" &&
      job.attempt_deadline == "${google_cloudfunctions2_function.exporter[0].service_config[0].timeout_seconds}s"
    ])
    error_message = "Cloud Scheduler posts every minute, and waits for as long as a run may take."
  }

  assert {
    condition     = output.run_now_command == "gcloud scheduler jobs run datastream-exporter --project orders-prod --location europe-west1"
    error_message = "run_now_command asks Cloud Scheduler, as a function with internal ingress can't be called from outside."
  }
}

run "paused" {
  command = plan

  variables {
    paused = true
  }

  expect_failures = [check.not_paused]

  assert {
    condition = 0 == sum([
      length(google_logging_project_sink.log),
      length(google_pubsub_subscription.log),
      length(google_pubsub_topic.log),
      length(google_pubsub_topic_iam_member.grant),
      length([for key in keys(google_service_account.account) : key if key == "push"]),
      length([for api in keys(google_project_service.enabled) : api if endswith(api, "/pubsub.googleapis.com")]),
    ])
    error_message = "Nothing of the log triggers is left."
  }

  assert {
    condition     = google_cloud_scheduler_job.exporter[0].paused
    error_message = "The schedule is paused."
  }

  assert {
    condition     = [for name, enabled in local.enabled : name if !enabled] == ["exporter-silent", "source-disk-filling", "source-log-growing", "stream-activity-errors", "stream-changed", "stream-volume-jump"]
    error_message = "Only the policy that would page about the pause is disabled, and those that are off by default."
  }
}

run "existing_accounts" {
  command = plan

  variables {
    log_triggers = false
    manage_iam   = false
    service_accounts = {
      build     = "build@identities.iam.gserviceaccount.com"
      exporter  = "exporter@identities.iam.gserviceaccount.com"
      scheduler = "cron@orders-prod.iam.gserviceaccount.com"
    }
  }

  assert {
    condition = (
      google_cloudfunctions2_function.exporter[0].build_config[0].service_account == "projects/identities/serviceAccounts/build@identities.iam.gserviceaccount.com" &&
      google_cloudfunctions2_function.exporter[0].service_config[0].service_account_email == "exporter@identities.iam.gserviceaccount.com" &&
      google_cloud_scheduler_job.exporter[0].http_target[0].oidc_token[0].service_account_email == "cron@orders-prod.iam.gserviceaccount.com"
    )
    error_message = "The build, the function and the schedule use the given accounts."
  }

  assert {
    condition = 0 == sum([
      length(google_service_account.account),
      length(google_project_iam_custom_role.lister),
      length(google_project_iam_member.grant),
      length(google_cloud_run_v2_service_iam_member.grant),
      length([for key in keys(google_project_service.enabled) : key if endswith(key, "/iam.googleapis.com")]),
    ])
    error_message = "The module creates no account and grants nothing, and no project needs the IAM API."
  }

  assert {
    condition = [for command in output.iam_grant_commands : command if strcontains(command, "build@")] == [
      "gcloud projects add-iam-policy-binding orders-prod --member serviceAccount:build@identities.iam.gserviceaccount.com --role roles/logging.logWriter --condition None",
      "gcloud projects add-iam-policy-binding orders-prod --member serviceAccount:build@identities.iam.gserviceaccount.com --role roles/storage.objectViewer --condition 'title=Sources of functions,expression=resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")'",
      "gcloud artifacts repositories add-iam-policy-binding datastream-exporter --location europe-west1 --project orders-prod --member serviceAccount:build@identities.iam.gserviceaccount.com --role roles/artifactregistry.writer",
    ]
    error_message = "The commands grant the build what it needs."
  }
}

run "log_triggers" {
  command = plan

  override_resource {
    target          = google_pubsub_topic.log[0]
    override_during = plan
    values          = { id = "projects/orders-prod/topics/log" }
  }

  override_resource {
    target          = google_service_account.account["push"]
    override_during = plan
    values          = { id = "projects/orders-prod/serviceAccounts/push@orders-prod.iam.gserviceaccount.com" }
  }

  assert {
    condition = {
      for project, sink in google_logging_project_sink.log : project => "${sink.name} ${sink.destination}"
      } == {
      for project in ["billing-prod", "orders-prod"] :
      project => "datastream-exporter-of-orders-prod pubsub.googleapis.com/projects/orders-prod/topics/log"
    }
    error_message = "Each watched project has a sink to the one topic, whose name no other deployment uses."
  }

  assert {
    condition = alltrue([
      for subscription in google_pubsub_subscription.log :
      subscription.topic == "projects/orders-prod/topics/log" &&
      subscription.push_config[0].push_endpoint == "${google_cloudfunctions2_function.exporter[0].service_config[0].uri}/log" &&
      subscription.push_config[0].oidc_token[0].service_account_email == "push@orders-prod.iam.gserviceaccount.com"
    ])
    error_message = "The topic calls /log with an account of its own."
  }

  assert {
    condition = (
      google_pubsub_subscription.log[0].ack_deadline_seconds > google_cloudfunctions2_function.exporter[0].service_config[0].timeout_seconds &&
      google_pubsub_subscription.log[0].expiration_policy[0].ttl == ""
    )
    error_message = "Pub/Sub waits for as long as a run may take, and goes on if nothing is logged for a month."
  }
}

run "things_of_others" {
  command = plan

  variables {
    build_environment_variables = { PIP_INDEX_URL = "https://europe-west1-python.pkg.dev/packages-prod/python/simple/" }
    build_worker_pool           = "projects/builds-prod/locations/europe-west1/workerPools/functions"
    service_accounts            = { build = "build@orders-prod.iam.gserviceaccount.com" }
    vpc_access                  = { subnetwork = "projects/network-prod/regions/europe-west1/subnetworks/run" }
  }

  assert {
    condition = alltrue([
      for build in google_cloudfunctions2_function.exporter[0].build_config :
      build.environment_variables == tomap(var.build_environment_variables) && build.worker_pool == var.build_worker_pool
    ])
    error_message = "The pool builds the function, and reads the index."
  }

  assert {
    condition = [for grant in local.owners_grants : "${grant.command} ${grant.role}"] == [
      "gcloud projects add-iam-policy-binding network-prod --condition None roles/compute.networkViewer",
      "gcloud compute networks subnets add-iam-policy-binding run --project network-prod --region europe-west1 roles/compute.networkUser",
      "gcloud projects add-iam-policy-binding builds-prod --condition None roles/cloudbuild.workerPoolUser",
      "gcloud artifacts repositories add-iam-policy-binding python --project packages-prod --location europe-west1 roles/artifactregistry.reader",
    ]
    error_message = "The owners of the network, the pool and the index have a command for each grant."
  }
}
