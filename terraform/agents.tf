# Grants on keys, networks, pools and packages that others own, for service agents of the exporter's project and for the
# build. The module makes none of them: the owners do, with the outputs iam_grants and iam_grant_commands.

locals {
  agent_names = { artifactregistry = "gcp-sa-artifactregistry", cloudfunctions = "gcf-admin-robot", pubsub = "gcp-sa-pubsub", run = "serverless-robot-prod", storage = "gs-project-accounts" }
  agents      = { for service, name in local.agent_names : service => "serviceAccount:service-NUMBER@${name}.iam.gserviceaccount.com" }
  # A grant to an agent that doesn't exist yet fails; asking for it creates it.
  creations = { for service in keys(local.agents) : service => service == "storage" ? "gcloud storage service-agent" : "gcloud beta services identity create --service ${service}.googleapis.com" }

  # Parts of full names: a subnetwork of another project (Shared VPC), another project's pool, an index in Artifact Registry.
  subnetworks = [for parts in regexall("projects/([^/]+)/regions/([^/]+)/subnetworks/([^/]+)$", coalesce(one(var.vpc_access[*].subnetwork), "none")) : parts if parts[0] != local.job_project]
  pools       = [for parts in regexall("^projects/([^/]+)/", coalesce(var.build_worker_pool, "none")) : parts if parts[0] != local.job_project]
  indexes     = regexall("^https://(.+)-python[.]pkg[.]dev/([^/]+)/([^/]+)/", lookup(var.build_environment_variables, "PIP_INDEX_URL", "none"))

  # In https://docs.cloud.google.com: functions/docs/securing/cmek and pubsub/docs/encryption, run/docs/configuring/shared-vpc-direct-vpc,
  # functions/docs/building, artifact-registry/docs/integrate-functions.
  owners_grants = concat(
    [for service, agent in local.agents : { member = agent, role = "roles/cloudkms.cryptoKeyEncrypterDecrypter", resource = var.encryption_key, command = "${local.creations[service]} --project ${local.job_project} && gcloud kms keys add-iam-policy-binding ${var.encryption_key}" } if var.encryption_key != null && contains(local.apis, "${local.job_project}/${service}.googleapis.com")],
    [for parts in local.subnetworks : { member = local.agents.run, role = "roles/compute.networkViewer", resource = "projects/${parts[0]}", command = "gcloud projects add-iam-policy-binding ${parts[0]} --condition None" }],
    [for parts in local.subnetworks : { member = local.agents.run, role = "roles/compute.networkUser", resource = "projects/${parts[0]}/regions/${parts[1]}/subnetworks/${parts[2]}", command = "gcloud compute networks subnets add-iam-policy-binding ${parts[2]} --project ${parts[0]} --region ${parts[1]}" }],
    [for parts in local.pools : { member = local.agents.cloudfunctions, role = "roles/cloudbuild.workerPoolUser", resource = "projects/${parts[0]}", command = "gcloud projects add-iam-policy-binding ${parts[0]} --condition None" }],
    [for parts in local.indexes : { member = local.members.build, role = "roles/artifactregistry.reader", resource = "projects/${parts[1]}/locations/${parts[0]}/repositories/${parts[2]}", command = "gcloud artifacts repositories add-iam-policy-binding ${parts[2]} --project ${parts[1]} --location ${parts[0]}" }],
  )
}
