"""Floor 1: system calls and mechanisms without policy.

Whatever needs ctypes, a child process or a file of /proc is here, and nothing here knows
what a vault is.
"""
