"""Journals, each row counted once: found, followed, shipped to, read by people."""
