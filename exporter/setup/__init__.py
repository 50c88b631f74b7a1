"""What a person runs before anything is deployed: ``init`` and ``check``."""
