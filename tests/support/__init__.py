"""What several tests and the benchmark share: a small content, a web server."""
