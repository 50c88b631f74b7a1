# What iam.tf grants, for those who make the grants themselves (manage_iam = false).

locals {
  grants = concat(
    [
      for project, permissions in local.lister_role.permissions : {
        member      = local.exporter_member
        role        = "projects/${project}/roles/${local.lister_role.id}"
        resource    = "projects/${project}"
        permissions = sort(permissions)
        commands = [
          "gcloud iam roles create ${local.lister_role.id} --project ${project} --title \"${local.lister_role.title}\" --permissions ${join(",", sort(permissions))}",
          "gcloud projects add-iam-policy-binding ${project} --member ${local.exporter_member} --role projects/${project}/roles/${local.lister_role.id} --condition None",
        ]
      }
    ],
    [{
      member      = local.exporter_member
      role        = "roles/monitoring.metricWriter"
      resource    = "projects/${local.metrics_project}"
      permissions = null
      commands = [
        "gcloud projects add-iam-policy-binding ${local.metrics_project} --member ${local.exporter_member} --role roles/monitoring.metricWriter --condition None",
      ]
    }],
    [
      for job in local.jobs : {
        member      = local.scheduler_member
        role        = "roles/run.invoker"
        resource    = "projects/${local.job_project}/locations/${var.region}/jobs/${job.name}"
        permissions = null
        commands = [
          "gcloud run jobs add-iam-policy-binding ${job.name} --project ${local.job_project} --region ${var.region} --member ${local.scheduler_member} --role roles/run.invoker",
        ]
      }
    ],
    local.function_grants,
    local.trigger_grants,
  )

  function_grants = local.is_function ? [
    {
      member      = local.build_member
      role        = "roles/storage.objectViewer"
      resource    = "projects/${local.job_project}"
      permissions = null
      commands = [
        "gcloud projects add-iam-policy-binding ${local.job_project} --member ${local.build_member} --role roles/storage.objectViewer --condition 'title=${local.build_sources.title},expression=${local.build_sources.expression}'",
      ]
    },
    {
      member      = local.build_member
      role        = "roles/logging.logWriter"
      resource    = "projects/${local.job_project}"
      permissions = null
      commands = [
        "gcloud projects add-iam-policy-binding ${local.job_project} --member ${local.build_member} --role roles/logging.logWriter --condition None",
      ]
    },
    {
      member      = local.build_member
      role        = "roles/artifactregistry.writer"
      resource    = local.build_repository
      permissions = null
      commands = [
        "gcloud artifacts repositories add-iam-policy-binding ${split("/", local.build_repository)[5]} --project ${split("/", local.build_repository)[1]} --location ${split("/", local.build_repository)[3]} --member ${local.build_member} --role roles/artifactregistry.writer",
      ]
    },
    {
      member      = local.scheduler_member
      role        = "roles/run.invoker"
      resource    = "projects/${local.job_project}/locations/${var.region}/services/${var.name}"
      permissions = null
      commands = [
        "gcloud run services add-iam-policy-binding ${var.name} --project ${local.job_project} --region ${var.region} --member ${local.scheduler_member} --role roles/run.invoker",
      ]
    },
  ] : []

  trigger_grants = concat(
    [
      for project, sink in google_logging_project_sink.log : {
        member      = sink.writer_identity
        role        = "roles/pubsub.publisher"
        resource    = "projects/${local.job_project}/topics/${var.name}-log"
        permissions = null
        commands = [
          "gcloud pubsub topics add-iam-policy-binding ${var.name}-log --project ${local.job_project} --member ${sink.writer_identity} --role roles/pubsub.publisher",
        ]
      }
    ],
    [
      for member in local.is_triggered ? [local.push_member] : [] : {
        member      = member
        role        = "roles/run.invoker"
        resource    = "projects/${local.job_project}/locations/${var.region}/services/${var.name}"
        permissions = null
        commands = [
          "gcloud run services add-iam-policy-binding ${var.name} --project ${local.job_project} --region ${var.region} --member ${member} --role roles/run.invoker",
        ]
      }
    ],
  )
}
