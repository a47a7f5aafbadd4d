"""The hot path is loaded for everybody, so it must not have anybody else's names."""

from __future__ import annotations

import importlib.util

from support import run_program


def test_the_hot_path_shows_two_names_and_no_more() -> None:
    found = importlib.util.find_spec("vaultui.mountd.hotpath._hotpath")
    assert found is not None
    assert found.origin is not None
    shown = run_program(("nm", "-D", "--defined-only", found.origin)).check().stdout.split()
    assert sorted(shown[2::3]) == [b"PyInit__hotpath", b"fuse_session_receive_buf"]
