"""The HTTP side: taking alerts in, listing them, and the page for people."""
