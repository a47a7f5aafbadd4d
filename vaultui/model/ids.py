"""Names for the integers and strings that must not be mixed up."""

from typing import NewType

InodeNo = NewType("InodeNo", int)
"""The node id that the kernel uses for an inode of one mount; 1 is the root."""

Handle = NewType("Handle", int)
"""An open file or directory of one mount."""

BlockNo = NewType("BlockNo", int)
"""A 4096-byte block of plaintext within a file, counted from 0."""

VaultId = NewType("VaultId", str)
"""The registry's key for a vault: 16 hexadecimal digits, stable over renames."""
