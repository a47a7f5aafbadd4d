"""`vaultui`, whose backends see the token of a test.

A backend gets a few variables of the environment and no others, for good reasons: what a test
preloads is not among them.
"""

from vaultui.__main__ import main
from vaultui.supervisor import environment

environment._NAMES |= {"LD_PRELOAD", "HIDRAW_SOCKETS"}  # type: ignore[misc]
main()
