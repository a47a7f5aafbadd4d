"""Floor 3: keyed work, bytes in and bytes out."""
