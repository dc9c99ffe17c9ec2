"""Alertmanager receiver that stores every alert, notifies people and learns from their verdicts."""

__version__ = "0.1.0"
