"""Floor 5: the mount backend, vaultfs."""
