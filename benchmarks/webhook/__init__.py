"""What does the webhook hold under load? Run on demand."""
