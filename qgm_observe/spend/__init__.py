"""Money: what work will cost, what it did cost, what of that was wasted, and guards before it."""
