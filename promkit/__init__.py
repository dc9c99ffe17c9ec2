"""What any Prometheus-style daemon needs: YAML, durations, logging, web, a clock."""
