"""What it costs and how well it works: run on demand, results written down beside the code."""
