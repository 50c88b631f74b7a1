# Grants on keys, networks, pools and packages that others own, for service agents of the exporter's project and for the
# build. The module makes none of them: the owners do, with the outputs iam_grants and iam_grant_commands.

locals {
  agents = { for service, name in {
    artifactregistry = "gcp-sa-artifactregistry"
    cloudfunctions   = "gcf-admin-robot"
    pubsub           = "gcp-sa-pubsub"
    run              = "serverless-robot-prod"
    storage          = "gs-project-accounts"
  } : service => "serviceAccount:service-NUMBER@${name}.iam.gserviceaccount.com" }
  # A grant to an agent that doesn't exist yet fails; asking for it creates it.
  agent_commands = merge(
    { for key in keys(local.agents) : key => "beta services identity create --service ${key}.googleapis.com" },
    { storage = "storage service-agent" },
  )
  key_agents = [
    for service in keys(local.agents) : service
    if var.encryption_key != null && contains(local.apis, "${local.job_project}/${service}.googleapis.com")
  ]

  # A subnetwork of another project (Shared VPC), the project of another's pool, an index in Artifact Registry.
  subnetwork = coalesce(one(local.vpc_access[*].subnetwork), "-")
  subnetworks = [
    for name in regexall("projects/[^/]+/regions/[^/]+/subnetworks/[^/]+$", local.subnetwork) : name
    if !startswith(name, "${local.parent}/")
  ]
  hosts   = [for name in local.subnetworks : regex("projects/[^/]+", name)]
  pools   = setsubtract(regexall("^projects/[^/]+", coalesce(var.build_worker_pool, "-")), [local.parent])
  index   = lookup(var.build_environment_variables, "PIP_INDEX_URL", "-")
  indexes = regexall("^https://(.+)-python[.]pkg[.]dev/([^/]+)/([^/]+)/", local.index)

  # In https://docs.cloud.google.com: functions/docs/securing/cmek and pubsub/docs/encryption,
  # run/docs/configuring/shared-vpc-direct-vpc, functions/docs/building, artifact-registry/docs/integrate-functions.
  owners_grants = concat(
    [for service in local.key_agents : {
      member = local.agents[service], role = "roles/cloudkms.cryptoKeyEncrypterDecrypter", on = var.encryption_key
    }],
    [for on in local.hosts : { member = local.agents.run, role = "roles/compute.networkViewer", on = on }],
    [for on in local.subnetworks : { member = local.agents.run, role = "roles/compute.networkUser", on = on }],
    [for on in local.pools : {
      member = local.agents.cloudfunctions, role = "roles/cloudbuild.workerPoolUser", on = on
    }],
    [for parts in local.indexes : {
      member = local.members.build, role = "roles/artifactregistry.reader"
      on     = "projects/${parts[1]}/locations/${parts[0]}/repositories/${parts[2]}"
    }],
  )
}
