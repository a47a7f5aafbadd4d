"""What tests share, under one name: waiting, programs, volumes and trees."""

from mounting import (
    CHEAP_SCRYPT,
    Gocryptfs,
    MountedVolume,
    Vaultfs,
    detach,
    mountpoints_below,
)
from programs import Completed, private_home, program, run_program
from treedigest import Entry, difference, file_digest, tree_digest
from waiting import eventually, wait_until

__all__ = [
    "CHEAP_SCRYPT",
    "Completed",
    "Entry",
    "Gocryptfs",
    "MountedVolume",
    "Vaultfs",
    "detach",
    "difference",
    "eventually",
    "file_digest",
    "mountpoints_below",
    "private_home",
    "program",
    "run_program",
    "tree_digest",
    "wait_until",
]
