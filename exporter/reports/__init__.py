"""What people read: the results of backtests and checks as text, HTML and pictures."""
