"""Floor 8: the application in the terminal. Pictures and words; every decision is below."""
