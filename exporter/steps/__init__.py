"""The way of a stream: read, compare, problems, measure, write, partial_write."""
