"""Alert rules as code: what Prometheus records and when it alerts, rendered from objectives."""
