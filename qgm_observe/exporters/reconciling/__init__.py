"""How remote work ended and what it cost, asked later and told to the journal."""
