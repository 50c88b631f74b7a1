"""The report: every scenario as a timeline, on one HTML page.

Data flow: :mod:`timeline` plays and evaluates a scenario and draws it. It combines the actual
states of the world (:mod:`actual_states`), the points that the exporter wrote (:mod:`points`), the
conditions (:mod:`conditions`) and the events (:mod:`event_texts`) into :mod:`marks`.
:mod:`page` renders the marks as HTML.
"""
