"""What pages, for whom and when, by Prometheus itself, held against what should."""
