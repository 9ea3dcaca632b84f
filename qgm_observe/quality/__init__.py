"""How good the samples are: pure functions on counts and arrays; every result is an `Estimate`."""
