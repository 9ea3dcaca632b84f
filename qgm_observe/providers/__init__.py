"""Pull: what providers tell of devices, jobs, sessions, usage and prices.

Each adapter is imported when it is asked for; see `Provider` for what it can be asked.
"""
