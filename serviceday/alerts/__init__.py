"""Alerts: what opens them, what becomes of them. They are kept by `facility.records`."""

from serviceday.alerts.evaluation import AlertChanges, evaluate_alerts

__all__ = ["AlertChanges", "evaluate_alerts"]
