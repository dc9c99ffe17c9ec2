"""Types and numerics of the exporter: numpy only, no I/O, no clock."""
