"""What a run says in the log."""
