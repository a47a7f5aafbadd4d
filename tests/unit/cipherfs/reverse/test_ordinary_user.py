"""What a user without privileges sees of a plain directory that is not all theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from capabilities import needs
from openreverse import OpenReverse
from ordinaryuser import let_others_in, run_as_user

pytestmark = needs("ordinary-user")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return a directory whose files and directories nobody but their owner may look into."""
    for name, mode in (("closed", 0o000), ("passage", 0o111)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"content")
        (tmp_path / name / ("l" * 200)).write_bytes(b"content")
        (tmp_path / name).chmod(mode)
    (tmp_path / "secret").write_bytes(b"content")
    (tmp_path / "secret").chmod(0)
    let_others_in(tmp_path)
    tmp_path.chmod(0o755)
    return tmp_path


def test_what_cannot_be_read_is_shown_and_refused(plain: Path) -> None:
    def look() -> None:
        with OpenReverse(plain) as view:
            secret = view.attributes("secret")
            assert secret.size == 18 + 32 + 7
            assert not view.fs.access(secret.ino, os.R_OK)
            for refused in (
                lambda: view.read("secret"),
                lambda: view.names("closed"),
                lambda: view.attributes("closed/file"),
                lambda: view.names("passage"),
            ):
                with pytest.raises(PermissionError):
                    refused()
            # The IV is none of the owner's secrets.
            assert len(view.read_shown(view.shown("closed") + b"/gocryptfs.diriv")) == 16

    run_as_user(look)


def test_a_directory_that_can_only_be_passed_leads_to_what_is_named(plain: Path) -> None:
    def look() -> None:
        with OpenReverse(plain) as view:
            assert len(view.read("passage/file")) == 18 + 32 + 7
        # What its hash stands for can only be found in a listing.
        with OpenReverse(plain) as other:
            shown = other.shown("passage/" + "l" * 200)
        with OpenReverse(plain) as view, pytest.raises(PermissionError):
            view.find(shown)

    run_as_user(look)
