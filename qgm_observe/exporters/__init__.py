"""Sidecars: poll a provider, or follow journals, and serve what they know at `/metrics`."""
