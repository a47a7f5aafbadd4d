"""What a front end does before a person types a password into it.

Handed on from `linux` in a module of its own: it loads ctypes, which listing vaults can do
without.
"""

from vaultui.linux.hardening import lock_buffer, protect_process

__all__ = ["lock_buffer", "protect_process"]
