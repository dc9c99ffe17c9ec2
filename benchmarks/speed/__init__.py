"""What does an evaluation cost, next to what it costs Prometheus to answer its query?"""
