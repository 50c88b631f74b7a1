"""The command line: commands, exit codes, logs, and what a person sees."""
