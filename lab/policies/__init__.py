"""The alert policies: read, checked, proved.

The job does not need any of it, and its image does not hold it.
"""
