"""Writing: samples to Cloud Monitoring, without loss."""
