"""The parts of the configuration file that are large enough for a module of their own."""
