"""What does one forecast cycle of one query do? Pure: no I/O, no clock."""
