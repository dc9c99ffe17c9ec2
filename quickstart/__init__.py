"""A whole stack on one machine: `make run`."""
