"""Which alerts the policies would have opened in a project's last days.

``required`` names the metrics that policies need. ``api_reader`` and ``series_files`` read them
into a ``history``. ``backtest`` evaluates the policies over it, and ``output`` shows the incidents.
"""
