"""What does the webhook hold, and what does it cost? See README.md."""
