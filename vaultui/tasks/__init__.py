"""Floor 6: running commands and containers against a vault that is unlocked, or is for that."""
