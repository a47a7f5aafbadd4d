"""Floor 5: the parent side of a mount backend."""
