"""When is a model good enough to take the place of another? Pure decisions; time comes in."""
