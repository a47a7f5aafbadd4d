"""Floor 1: the layout on disk, without keys."""
