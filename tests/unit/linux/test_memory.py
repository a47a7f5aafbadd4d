"""Proves that the free memory of the machine is what the kernel says."""

from __future__ import annotations

import os

from vaultui.linux import memory


def test_what_is_available_is_a_part_of_what_there_is() -> None:
    all_of_it = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 1 << 20 < memory.available_bytes() < all_of_it
