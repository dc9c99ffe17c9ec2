"""What does taking an alert cost? See README.md."""
