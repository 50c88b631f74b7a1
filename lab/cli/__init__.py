"""The commands of ``datastream-lab``, one module each.

A command's module has three names:

- ``HELP``: the description in its ``--help``;
- ``add_arguments(parser)``: adds its arguments; those that several commands share are in
  :mod:`lab.cli.selection`;
- ``run(context)``: does the work, prints and returns the exit code. :mod:`lab.cli.main` logs the
  input errors and engine errors that it raises.
"""
