"""What a Terraform plan changes about the alert policies, and about the alerts in the scenarios.

``plan`` reads the plan, ``field_changes`` compares each policy before and after, ``playing`` plays
the scenarios with both, ``incident_changes`` compares the incidents, and ``review`` and ``page``
put it all together as JSON and as Markdown.
"""
