"""What any Prometheus-style daemon needs: strict YAML, durations, logging, web endpoints, a clock."""
