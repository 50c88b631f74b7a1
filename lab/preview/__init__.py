"""Shows what a notification of a policy looks like."""
