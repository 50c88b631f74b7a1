# What inputs are checked against at plan, and the inputs of type `any` with their defaults. Terraform drops
# unknown attributes of an object type, so a misspelled one would have no effect and no error.

locals {
  # tools/generate makes the rules from docs/config.schema.json.
  config_rules    = jsondecode(file("${path.module}/config_rules.json"))
  config_booleans = [for path, rule in local.config_rules : element(split(".", path), -1) if contains(rule.types, "boolean")]
  input_rules     = yamldecode(file("${path.module}/input_rules.yaml"))

  binary_authorization = [
    for given in var.binary_authorization == null ? [] : [var.binary_authorization] :
    merge({ breakglass_justification = null, policy = null, use_default = null }, given)
  ]

  vpc_access = [
    for given in var.vpc_access == null ? [] : [var.vpc_access] :
    merge({ connector = null, egress = null, network = null, subnetwork = null, tags = null }, given)
  ]

  accounts = {
    for input, given in {
      build_service_account     = var.build_service_account
      push_service_account      = var.push_service_account
      scheduler_service_account = var.scheduler_service_account
      service_account           = var.service_account
      # Key by key, because an address can be known only after apply.
    } : input => { create = try(coalesce(given.create, true), true), email = try(given.email, null) }
  }

  slack_channel = one([
    for given in var.slack_channel == null ? [] : [var.slack_channel] : {
      for key in local.input_rules.slack_channel[""].keys :
      key => try(coalesce(try(given[key], null), local.input_rules.slack_channel[".${key}"].default), given[key], null)
    }
  ])

  mention_form   = "^<(!subteam\\^[A-Z0-9]+|@[A-Z0-9]+|!channel|!here)>( <(!subteam\\^[A-Z0-9]+|@[A-Z0-9]+|!channel|!here)>)*$"
  mention_advice = "a mention must have the form that Slack apps use: \"<!subteam^S0123ABCD>\" for a group, \"<@U0123ABCD>\" for a person, \"<!channel>\" or \"<!here>\", separated by spaces. \"@name\" notifies nobody."
}
