"""The files of a user namespace, written as the kernel takes them."""

import os
from pathlib import Path

import pytest
from capabilities import needs
from ownnamespace import run_in_namespace

from vaultui.linux import idmaps


@needs("user-namespaces")
def test_whoever_gave_up_setgroups_may_not_set_groups() -> None:
    def work() -> None:
        # Its user namespace is made with "deny".
        assert not idmaps.may_set_groups()
        with pytest.raises(PermissionError):
            os.setgroups([])

    run_in_namespace(work, as_user=True)


def test_here_they_may_be_set_unless_the_kernel_says_otherwise() -> None:
    said = Path("/proc/self/setgroups").read_text().strip()
    assert idmaps.may_set_groups() == (said == "allow")


def test_a_kernel_without_the_file_of_setgroups_takes_the_map_of_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[tuple[str, bytes]] = []

    def put(path: str, content: bytes) -> None:
        if path.endswith("/setgroups"):
            raise FileNotFoundError(2, "no such file", path)
        written.append((path, content))

    monkeypatch.setattr(idmaps, "_put", put)
    idmaps.write(7, [(0, 1000, 1), (1, 100_000, 65_535)], [(0, 100, 1)], setgroups=False)
    assert written == [
        ("/proc/7/uid_map", b"0 1000 1\n1 100000 65535\n"),
        ("/proc/7/gid_map", b"0 100 1\n"),
    ]
