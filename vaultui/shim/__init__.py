"""Floor 5: the launcher and keeper; standard library only, run with -I -S."""
