"""Proves an installation on its own project.

``points`` reads how the exporter runs, ``deployed`` which policies there are and whom
they would notify, ``queries`` what Google's engine answers, ``native`` how Google's own
series join. ``drill`` lets a made-up stream page, and ``pause`` one of the user's;
``incident`` is what they share. ``target`` is the project, ``rest`` asks it what
Google's client can't, and ``emulated`` stands in for it.
"""
