"""What the policies would have paged, from a real project's history."""
