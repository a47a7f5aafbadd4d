"""Lists of vaults that other managers keep, read and never changed.

Each module knows where one of them has its list, and what stands in it.
"""
