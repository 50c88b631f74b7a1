"""The commands of ``datastream-lab``, one module each.

A command's module has ``HELP``, the description in its ``--help``, and ``EXAMPLE``, the
arguments of the example at its end; ``add_arguments(parser)``; and ``run(context)``,
which does the work, prints and returns the exit code. :mod:`lab.cli.main` logs the
errors that it raises.
"""
