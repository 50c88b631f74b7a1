"""What people write: YAML with its lines, durations, globs, and messages about mistakes."""
