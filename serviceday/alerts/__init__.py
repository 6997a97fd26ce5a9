"""Alerts: what opens them, what becomes of them. They are kept by `facility.records`."""

from serviceday.alerts.evaluation import evaluate_alerts
from serviceday.alerts.pipeline import AlertChanges

__all__ = ["AlertChanges", "evaluate_alerts"]
