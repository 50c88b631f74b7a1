"""Reads YAML into pydantic models; each mistake is a sentence with its line."""
