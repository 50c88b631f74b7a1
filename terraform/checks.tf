# Rules of the inputs whose sentences are warnings: what is valid, but probably not intended.

check "inputs_are_as_intended" {
  assert {
    condition     = length(local.unintended) == 0
    error_message = join("\n", [for each in local.unintended : format(local.sentences.warnings[each[0]], each[1]...)])
  }
  # Apart, as they may be unknown at plan.
  assert {
    condition     = length(local.passwords) == 0
    error_message = "The address in ${join(" and ", local.passwords)} has a password: it would be in the state."
  }
  assert {
    condition     = local.slack_channel != null || var.slack_token == null
    error_message = "slack_token does nothing without slack_channel."
  }
}

# The name of each sentence, and what fills it in
locals {
  silent  = { for key, each in local.placed : key => each.severity if each.enabled && length(each.channels) == 0 }
  metrics = [for name in keys(local.catalogue.metrics) : replace(name, "/", "_")]
  in_file = { for name, policy in local.originals : name => {
    duration  = try(local.promql[name].duration, null)
    enabled   = try(policy.enabled, true)
    severity  = policy.severity
    threshold = try(tonumber(policy.userLabels.threshold), null)
  } }
  unintended_policies = concat(
    length(local.silent) == 0 ? [] : [["silent",
    [join(" and ", sort(distinct(values(local.silent)))), join(", ", keys(local.silent)), local.metrics_project]]],
    [for key, place in merge(local.on_project_logs, local.on_exporter_log) : ["log_channel", [key]]
    if local.enabled[place.name] && place.project != local.metrics_project && length(place.channels) == 0],
    [for name, route in local.routes : ["silent_route", [name]] if route.notification_channels == null &&
    !contains([for each in values(local.placed) : each.route if each.enabled], name)],
    anytrue([for name, severity in local.severity : severity == "CRITICAL" && local.enabled[name] &&
    !startswith(name, "exporter-")]) ? [] : [["no_critical", []]],
    [for name, policy in local.originals :
      [startswith(name, "streams-") ? "ungrouped" : "unheard", [name, policy.displayName]]
      if local.changes[name].enabled == false &&
    (policy.severity == "CRITICAL" || startswith(name, "streams-") || name == "location-unreadable")],
    [for folder in var.policy_directory[*] : ["file_below", [join(", ", fileset(folder, "*/**/*.yaml"))]]
    if length(fileset(folder, "*/**/*.yaml")) > 0],
    [for name in keys(local.own_policies) : ["file_off", [name]] if !local.enabled[name]],
    [for name, each in local.thresholds : ["query_threshold", [name, each.original]]
    if !strcontains(try(local.promql[name].query, " (${each.original})"), " (${each.original})")],
    [for name in keys(local.overrides) : ["left_out", [name]] if !contains(keys(local.originals), name)],
    [for name, change in local.overrides : ["switched_off", [name]] if !lookup(local.enabled, name, true) &&
    length([for key, value in change : key if key != "enabled" && value != null]) > 0],
    [for name, change in local.overrides : ["idle", [name]] if alltrue([
      for key, value in change : value == null || value == try(local.in_file[name][key], "another")
    ])],
    [for name, query in local.queries : [
      for metric in setsubtract(flatten(regexall("custom_googleapis_com:datastream_(\\w+)", query)), local.metrics) :
      ["metric", [name, metric]]
    ]]...
  )

  outside = setsubtract(local.watched_projects, [local.metrics_project])
  ignored = merge(
    { for input, given in {
      notification_channels = var.notification_channels
      policy_directory      = var.policy_directory[*]
      policy_overrides      = var.policy_overrides
      routes                = var.routes
    } : input => "create_policies is false" if length(given) > 0 && !var.create_policies },
    { for key, account in local.accounts : "service_accounts: ${key}" => "mode = \"${var.mode}\" needs none"
    if contains(keys(var.service_accounts), key) && !account.needed && !var.paused },
    { for each in local.slack_channel[*] : "slack_channel" => "severities is []" if length(each.severities) == 0 },
    local.is_function && var.image != null ? { image = "Google builds the image of mode = \"function\"" } : {},
    length(var.slack_mentions) == 0 || anytrue([for each in values(local.placed) : length(each.channels) > 0]) ? {} :
    { slack_mentions = "there is no channel" },
  )
  unintended = concat(
    [for each in local.unintended_policies : each if var.create_policies],
    [for input, why in local.ignored : ["ignored", [input, why]]],
    [for name in setsubtract(local.listed, local.known_locations) : ["location", [name]]],
    local.calls_per_minute <= 1200 ? [] : [["calls", [local.calls_per_minute]]],
    contains(local.known_locations, var.region) ? [] : [["region", [var.region]]],
    !var.paused ? [] : [["paused", []]],
    !var.create_policies || var.manage_metrics_scope || length(local.outside) == 0 ? [] :
    [["scope", [join(", ", local.outside), local.metrics_project]]],
  )
}
