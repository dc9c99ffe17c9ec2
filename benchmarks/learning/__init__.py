"""What does a month of verdicts change?"""
