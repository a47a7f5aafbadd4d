"""Floor 2: every message that crosses a process boundary, typed and versioned.

Standard library only: the shim imports this package with `-I -S`. Paths are text as
`os.fsdecode` gives it; the codec carries surrogates, so bytes that are not UTF-8 survive.
"""
