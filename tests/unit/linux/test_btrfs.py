"""What btrfs is asked; the drill of full storage asks a real one."""

from __future__ import annotations

import os
from pathlib import Path

from vaultui.linux.btrfs import has_quota_limits


def test_another_file_system_has_no_limits_of_btrfs(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert not has_quota_limits(fd)
    finally:
        os.close(fd)
