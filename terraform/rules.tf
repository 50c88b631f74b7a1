# Rules of the inputs whose sentences are errors. A validation's condition and message would both have the rule, as
# neither may use a local about its own variable. So each rule lists what fills in its sentence: nothing, if it holds.

module "inputs" {
  source           = "./inputs"
  policy_overrides = var.policy_overrides
  routes           = var.routes
  slack_channel    = var.slack_channel
  vpc_access       = var.vpc_access
}

# By rule: what is unknown at plan, such as a channel that the same apply creates, hides no other rule's sentences.
module "rules" {
  source    = "./rules"
  for_each  = merge(local.wrong, local.wrong_texts, local.wrong_channels)
  sentences = [for words in each.value : format(local.sentences.errors[split(" ", each.key)[0]], words...)]
}

locals {
  sentences     = yamldecode(file("${path.module}/rules/sentences.yaml"))
  given         = module.inputs.policy_overrides
  routes        = module.inputs.routes
  slack_channel = module.inputs.slack_channel
  vpc_access    = module.inputs.vpc_access

  # Without those that would fail elsewhere, too
  overrides = {
    for name, change in local.given : name => change
    if !contains(concat(local.wrong.severity, local.wrong.duration)[*][0], name)
  }

  # What was written and what is allowed, by place
  keys = merge(
    { for name, each in local.given : "policy_overrides: ${name}" => [keys(var.policy_overrides[name]), keys(each)] },
    { for name, each in local.routes : "routes: ${name}" => [keys(var.routes[name]), keys(each)] },
    { for name, each in local.routes : "routes: ${name}: projects" => [each.projects, local.watched_projects] },
    { for name, each in local.routes : "routes: ${name}: notification_channels" =>
    [keys(each.notification_channels), local.severities] if each.notification_channels != null },
    { for name, each in local.routes : "routes: ${name}: log_notification_channels" =>
    [keys(each.log_notification_channels), each.projects] },
    { for each in local.slack_channel[*] : "slack_channel" => [keys(var.slack_channel), keys(each)] },
    { for each in local.slack_channel[*] : "slack_channel: severities" => [each.severities, local.severities] },
    { for each in local.vpc_access[*] : "vpc_access" => [keys(var.vpc_access), keys(each)] },
    { for at, given in local.mentions : at => [keys(given), local.severities] },
    {
      notification_channels = [keys(var.notification_channels), local.severities]
      policy_overrides      = [setsubtract(keys(local.given), keys(local.removed)), local.policy_names]
      renotify_intervals    = [keys(var.renotify_intervals), local.severities]
      service_accounts      = [keys(var.service_accounts), ["build", "exporter", "push", "scheduler"]]
    },
  )
  mentions = merge(
    { "slack_mentions" = var.slack_mentions },
    { for name, each in local.routes : "routes: ${name}: slack_mentions" => each.slack_mentions },
  )

  # Policies of earlier versions, and what alerts instead
  removed = {
    exporter-watching-nothing = "stream-missing and project-unwatched alert instead"
    private-connection-failed = "stream-failed alerts for the streams of a broken connection"
    source-disk-filling       = "watch the source's disk with the database's own metrics"
    source-log-growing        = "watch the source's log with the database's own metrics"
    source-slot-held          = "watch the source's slots with the database's own metrics"
    stream-maintenance-long   = "stream-lagging alerts if the data is late"
    stream-volume-jump        = "no other policy alerts for it"
  }

  limits = {
    for name, policy in local.decoded : name => lookup(local.threshold_limits, name, [0, 1000000000000])
    if can(policy.userLabels.threshold)
  }
  wrong = {
    # https://cloud.google.com/scheduler/docs/http-target-auth, https://cloud.google.com/pubsub/docs/push
    account_elsewhere = [for key, email in var.service_accounts : [key, email, local.job_project]
      if contains(["push", "scheduler"], key) && !endswith(coalesce(email, "@"), local.own_domain) &&
    endswith(coalesce(email, "@"), ".iam.gserviceaccount.com")]
    build_index = [for name, url in var.build_environment_variables : [name]
    if can(regex("INDEX.*http:", "${name}${nonsensitive(url)}"))]
    environment_variables = [for name in keys(var.environment_variables) : [name]
    if name != "DATASTREAM_EXPORTER_VERBOSE" && can(regex("^DATASTREAM_EXPORTER_|_EMULATOR_HOST$", name))]
    key = concat([], [for at, keys in local.keys : [
      for key in setsubtract(keys[0], keys[1]) : [at, key, join(", ", keys[1])]
    ]]...)
    network  = [for vpc in local.vpc_access[*] : [] if vpc.network == null && vpc.subnetwork == null]
    removed  = [for name, instead in local.removed : [name, instead] if contains(keys(local.given), name)]
    no_image = [for mode in [var.mode] : [mode] if mode == "job" && var.image == null]
    only_in = [for input, mode in {
      build_environment_variables = length(var.build_environment_variables) > 0 ? "function" : var.mode
      build_worker_pool           = var.build_worker_pool != null ? "function" : var.mode
      log_triggers                = coalesce(var.log_triggers, false) ? "function" : var.mode
    } : [input, mode] if mode != var.mode]
    pool = [for pool in var.build_worker_pool[*] : [pool, var.region]
    if !can(regex("^projects/[^/]+/locations/${var.region}/workerPools/[^/]+$", pool))]
    project_id = [for id in var.project_id[*] : [id] if !can(regex(module.config.project_form, id))]

    duration = [for name, each in local.given : [name, each.duration]
      if !try(regex("^([0-9]+)s$", each.duration)[0] % 60 == 0 && trimsuffix(each.duration, "s") <= 82800,
    each.duration == null)]
    duration_on_log = [for name, each in local.given : [name]
    if each.duration != null && can(local.decoded[name].conditions[0].conditionMatchedLog)]
    no_threshold = [for name, each in local.given : [name, join(", ", keys(local.limits))]
    if each.threshold != null && !can(local.limits[name])]
    severity = [for name, each in local.given : [name, each.severity]
    if !contains(local.severities, coalesce(each.severity, "ERROR"))]
    threshold = [for name, each in local.given : [name, each.threshold, join(" to ", local.limits[name])]
    if try(each.threshold != max(local.limits[name][0], min(local.limits[name][1], floor(each.threshold))), false)]

    no_channels = [for name, each in local.routes : [name] if each.notification_channels == null &&
    (length(each.log_notification_channels) == 0 || !contains(keys(var.routes[name]), "notification_channels"))]
    no_projects = [for name, each in local.routes : [name] if length(each.projects) == 0]
    only_logs = [for name, each in local.routes : [name]
    if each.notification_channels == null && (each.runbook_url != null || length(each.slack_mentions) > 0)]
    two_routes = [for project, names in transpose({ for name, each in local.routes : name => each.projects }) :
    [join(" and ", names), project] if length(names) > 1]

    file_form = [for name in local.own_files : [name, var.policy_directory]
    if endswith(name, ".yaml") && !can(local.own_policies[trimsuffix(name, ".yaml")])]
    file_name = [for name in local.own_files : [name]
    if !endswith(name, ".yaml") || fileexists("${local.own_folder}/${name}")]
    no_files = [for folder in var.policy_directory[*] : [folder] if length(fileset(folder, "*.yaml")) == 0]
  }

  # Texts by the rule of their form and by place
  texts_by_form = merge(
    { for input, text in {
      binary_authorization = var.binary_authorization
      cpu                  = var.cpu
      encryption_key       = var.encryption_key
      image                = var.image
      memory               = var.memory
      mode                 = var.mode
      name                 = var.name
      region               = var.region
    } : input => { (input) = text } },
    {
      account      = { for key, email in var.service_accounts : "service_accounts: ${key}" => coalesce(email, "null") }
      channel_name = { for each in local.slack_channel[*] : "slack_channel: channel_name" => each.channel_name }
      egress       = { for each in local.vpc_access[*] : "vpc_access: egress" => each.egress }
      interval     = { for severity, text in var.renotify_intervals : "renotify_intervals: ${severity}" => text }
      label        = { for key, value in var.labels : "labels: ${key}" => "${key}=${value}" }
      mention      = merge([for at, given in local.mentions : { for key, text in given : "${at}: ${key}" => text }]...)
      route        = { for name in keys(local.routes) : "routes: ${name}" => name }
      runbook_url = merge(
        { for name, each in local.given : "policy_overrides: ${name}: runbook_url" => each.runbook_url },
        { for name, each in local.routes : "routes: ${name}: runbook_url" => each.runbook_url },
      )
    },
  )
  wrong_texts = {
    for rule, texts in local.texts_by_form : rule => [
      for at, text in texts : [at, text] if text != null && !can(regex(local.sentences.forms[rule], text))
    ]
  }

  # Place, project and channels, by rule; another word after the rule's tells the inputs apart.
  channels = {
    "channel default" = [for severity, names in var.notification_channels :
    ["notification_channels: ${severity}", local.metrics_project, names]]
    "channel override" = [for name, each in local.given :
    ["policy_overrides: ${name}", local.metrics_project, each.notification_channels]]
    "channel route" = concat([], [for name, each in local.routes : [
      for severity, names in coalesce(each.notification_channels, {}) :
      ["routes: ${name}: ${severity}", local.metrics_project, names]
    ]]...)
    "channel log" = concat([], [for name, each in local.routes : [
      for project, names in each.log_notification_channels : ["routes: ${name}: ${project}", project, names]
    ]]...)
  }
  wrong_channels = { for rule, places in local.channels : rule => concat([], [for place in places : [
    for name in coalesce(place[2], []) : [place[0], name, place[1]]
    if !can(regex("^projects/${place[1]}/notificationChannels/[0-9]+$", name))
  ]]...) }

  own_files = flatten([for folder in var.policy_directory[*] : [for each in fileset(folder, "*.{yaml,yml}") : each]])
  own_texts = { for name in local.own_files : name => try(yamldecode(file("${var.policy_directory}/${name}")), null) }
  own_policies = {
    for name, policy in local.own_texts : trimsuffix(name, ".yaml") => policy if endswith(name, ".yaml") && can([
      policy.displayName, policy.combiner, policy.alertStrategy.autoClose, policy.conditions[0].displayName,
      policy.documentation.mimeType, policy.documentation.subject, policy.documentation.content,
      index(local.severities, policy.severity), regex("^1$", length(policy.conditions)), try(
        policy.conditions[0].conditionMatchedLog.filter,
        [for each in [policy.conditions[0].conditionPrometheusQueryLanguage] :
          [each.query, each.evaluationInterval, regex("^0$", try(each.duration, null) == null ? 0 :
        regex("^([0-9]+)s$", each.duration)[0] % 60)]],
      ),
    ])
  }
}
