"""Alembic's environment; `webhook.adapters.database.migrate` runs it at start."""
