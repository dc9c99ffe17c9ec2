"""Anomaly detection for Prometheus: scores, bands and forecasts as gauges."""

__version__ = "0.1.0"
