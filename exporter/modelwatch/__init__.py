"""Are models of the user's own still right? Pure: no I/O, no clock."""
