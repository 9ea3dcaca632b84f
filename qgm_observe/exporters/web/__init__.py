"""What every sidecar serves: paths to answers, logins, limits, TLS."""
