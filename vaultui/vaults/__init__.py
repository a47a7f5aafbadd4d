"""Floor 7: known vaults and what can be done with them."""
