"""Google Cloud: clients and their credentials, retries, errors in words, Cloud Run."""
