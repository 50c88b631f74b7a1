"""The commands of ``datastream-exporter policies``, each a module with three names.

- ``HELP``: what the command does, as its ``--help`` says it.
- ``add_arguments(parser)``: adds its arguments. ``--policies`` is there already; ``--scenarios``
  and ``--json`` are added by :mod:`exporter.policies.commands.options`, where they make sense;
  :mod:`exporter.policies.commands.inputs` reads what they name.
- ``run(args)``: does it, and returns the exit code. Beside the arguments ``args`` holds:

  - ``out``: a stream that gets data, and ``err``: one that gets talk (``sys.stdout`` and
    ``sys.stderr`` are the same);
  - ``environ``: the environment;
  - ``stop``: an event, set when somebody asks to stop; then a command ends soon, by itself;
  - ``program``: how the program was called.

  Mistakes that it raises are told, exit code 2; the engine's errors too.
"""
