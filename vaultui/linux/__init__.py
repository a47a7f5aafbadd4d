"""Floor 1: system calls and mechanisms without policy."""
