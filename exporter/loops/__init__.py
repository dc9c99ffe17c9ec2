"""What runs beside the scrapes: each query's evaluations, forecasts and drift checks."""
