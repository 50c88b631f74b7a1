"""The alert policies: reads and checks their files and queries."""
