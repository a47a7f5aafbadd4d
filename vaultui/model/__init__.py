"""Floor 0: errors, exit codes, states, ids and secrets. Imports nothing of ours."""
