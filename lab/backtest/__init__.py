"""Shows which alerts the policies would have opened in a project's last days.

``read`` reads some hours of points at a time, ``history`` puts them into Prometheus's
database, ``backtest`` evaluates the policies over them, ``planned`` those of a plan,
and ``output`` shows the incidents.
"""
