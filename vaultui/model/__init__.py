"""Floor 0: errors, exit codes, states, ids, secrets, text that is safe to print.

Imports nothing of ours.
"""
