"""Floor 8: the Textual application; no policy."""
