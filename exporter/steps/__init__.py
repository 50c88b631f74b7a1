"""The way of a stream: read, read_back, compare, problems, measure, write."""
