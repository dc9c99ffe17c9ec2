"""The outside world: the database, and the metrics page."""
