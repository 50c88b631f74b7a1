"""Proves an installation on its own project.

``points`` reads how the exporter runs, ``deployed`` which policies there are and whom
they would tell, ``queries`` what Google's engine answers, ``native`` how Google's own
series join; ``findings`` prints all of it.
"""
