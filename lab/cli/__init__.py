"""The commands of ``datastream-lab``, each a module with three names.

- ``HELP``: what the command does, as its ``--help`` says it.
- ``add_arguments(parser)``: adds its arguments. :mod:`lab.cli.options` has those that several
  commands shard, :mod:`lab.cli.inputs` reads what they name.
- ``run(args)``: does the work and returns the exit code. In addition to the arguments, ``args``
  holds:

  - ``out``: the stream for data, and ``err``: the stream for talk (``sys.stdout`` and
    ``sys.stderr`` are the same);
  - ``environ``: the environment;
  - ``stop``: an event that is set when somebody asks to stop; the command then ends soon.

  Input errors and the engine's errors that it raises are logged.
"""
