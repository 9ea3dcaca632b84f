"""Observability and SRE suite for quantum generative models."""
