"""The outside world of the exporter, one file per thing."""
