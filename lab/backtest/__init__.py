"""Shows which alerts the policies would have opened in a project's last days.

``backtest`` evaluates the policies over a history, ``planned`` those of a plan, and
``output`` shows the incidents.
"""
