"""Floor 8: the words of the shell twin; no policy."""
