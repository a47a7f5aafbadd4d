"""vaultui: encrypted vaults in the terminal, with a mount backend of its own."""

__version__ = "0.1.0"
