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
      config.max_instance_count == 1 && config.max_instance_request_concurrency == 4 &&
      config.ingress_settings == "ALLOW_INTERNAL_ONLY"
    ])
    error_message = "One instance, as two would write the same series; several requests, which wait; internal calls."
  }

  assert {
    condition = alltrue([
      for job in [google_cloud_scheduler_job.exporter] :
      job.schedule == "* * * * *" && job.http_target[0].http_method == "POST" &&
      job.attempt_deadline == "${google_cloudfunctions2_function.exporter[0].service_config[0].timeout_seconds}s"
    ])
    error_message = "Cloud Scheduler posts every minute, and waits for as long as a run may take."
  }

  assert {
    condition     = startswith(output.run_now_command, "gcloud scheduler jobs run datastream-exporter --location ")
    error_message = "run_now_command asks Cloud Scheduler, as the function can't be called from outside."
  }
}

run "paused" {
  command = plan

  variables {
    paused = true
  }

  expect_failures = [check.inputs_are_as_intended]

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
    condition     = google_cloud_scheduler_job.exporter.paused
    error_message = "The schedule is paused."
  }

  assert {
    condition     = join(" ", [for name in local.present : name if !local.enabled[name]]) == "exporter-silent"
    error_message = "Only the policy that would page about the pause is disabled."
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
    condition = join(" ", [
      google_cloudfunctions2_function.exporter[0].build_config[0].service_account,
      google_cloudfunctions2_function.exporter[0].service_config[0].service_account_email,
      google_cloud_scheduler_job.exporter.http_target[0].oidc_token[0].service_account_email,
    ]) == "projects/identities/serviceAccounts/${join(" ", values(var.service_accounts))}"
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
}

run "log_triggers" {
  command = plan

  override_resource {
    target          = google_pubsub_topic.log[0]
    override_during = plan
    values          = { id = "projects/orders-prod/topics/log" }
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
      subscription.push_config[0].push_endpoint == "https://function/log" &&
      startswith(subscription.push_config[0].oidc_token[0].service_account_email, "datastream-exporter-push@")
    ])
    error_message = "The topic calls /log with an account of its own."
  }

  assert {
    condition = (
      google_pubsub_subscription.log[0].ack_deadline_seconds > local.function_timeout &&
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
    log_triggers                = false
    service_accounts            = { build = "build@orders-prod.iam.gserviceaccount.com" }
    vpc_access                  = { subnetwork = "projects/network-prod/regions/europe-west1/subnetworks/run" }
  }

  assert {
    condition = alltrue([
      for build in google_cloudfunctions2_function.exporter[0].build_config :
      build.environment_variables == tomap(var.build_environment_variables) && endswith(build.worker_pool, "/functions")
    ])
    error_message = "The pool builds the function, and reads the index."
  }

  assert {
    condition = [
      for command in output.iam_grant_commands :
      replace(command, "/^gcloud | add-iam-policy-binding| --member .* --role/", "")
      if can(regex("(builds|network|packages)-prod", command))
      ] == [
      "projects network-prod roles/compute.networkViewer --condition None",
      "compute networks subnets run --region europe-west1 --project network-prod roles/compute.networkUser",
      "projects builds-prod roles/cloudbuild.workerPoolUser --condition None",
      "artifacts repositories python --location europe-west1 --project packages-prod roles/artifactregistry.reader",
    ]
    error_message = "The owners of the network, the pool and the index have a command for each grant."
  }
}
