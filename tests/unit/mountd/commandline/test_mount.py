"""What the options of a mount ask for stands in its Spec, and of two opposites the safer one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from vaultui.model.errors import ExcludeUnreadable
from vaultui.mountd.commandline.mount import spec_of
from vaultui.mountd.commandline.pflag import parse
from vaultui.wire.handshake import MountSpec


def spec(line: str) -> MountSpec:
    return spec_of(parse(["vaultfs", *line.split(), "c", "m"]), "/c")


def test_a_mount_without_options_is_the_plain_one() -> None:
    bare = spec("")
    assert bare == MountSpec(
        vault_id="",
        vault_name="",
        cipherdir="/c",
        mountpoint=os.path.abspath("m"),
        ctlsock="",
        password_source=bare.password_source,
    )


ASKED: dict[str, dict[str, Any]] = {
    "-ro -rw": {"read_only": True, "read_write": True},
    "-dev -suid": {"dev": True, "suid": True, "exec": True},
    "-dev -nodev -nosuid -suid -exec -noexec": {"dev": False, "suid": False, "exec": False},
    "-dev -nodev=false -noexec=0": {"dev": True, "exec": True},
    "-allow_other": {"allow_other": True, "force_owner": ()},
    "-force_owner 1000:0x64": {"allow_other": True, "force_owner": (1000, 100)},
    "-ko noexec,,max_read=1": {"kernel_options": ("noexec", "max_read=1")},
    "-context a:b -acl -noxattr": {"context": "a:b", "acl": True, "xattrs": False},
    "-sharedstorage -kernel_cache -serialize_reads -noprealloc": {
        "shared_storage": True,
        "kernel_cache": True,
        "serialize_reads": True,
        "prealloc": False,
    },
    "-badname *.a -badname b,c": {"bad_names": ("*.a", "b,c")},
    "-idle 1m -nonempty -fsname x": {"idle_timeout_s": 60.0, "nonempty": True, "fsname": "x"},
    "-reverse -idle 1m -one-file-system": {
        "reverse": True,
        "idle_timeout_s": 0.0,
        "one_file_system": True,
    },
    "-reverse -e a/b -exclude c -ew *.x": {
        "exclude": ("a/b", "c"),
        "exclude_patterns": ("*.x",),
    },
    "-ew *.x -exclude-from /nonexistent": {"exclude_patterns": ()},
    "-fusedebug -notifypid 4": {"fuse_debug": True, "notify_pid": 4},
    "-trace f": {"fuse_debug": True},
    "-passfile f": {"password_source": "file"},
    "-extpass p": {"password_source": "program"},
    "-zerokey -longnamemax 100": {"password_source": "master key", "long_name_max": 100},
}


@pytest.mark.parametrize("line", ASKED)
def test_what_is_asked_for_stands_in_the_spec(line: str) -> None:
    made = spec(line)
    assert {name: getattr(made, name) for name in ASKED[line]} == ASKED[line]


def test_paths_are_absolute_because_a_daemon_goes_to_the_root_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = spec("-ctlsock run/sock")
    assert made.ctlsock == f"{tmp_path}/run/sock"
    assert made.mountpoint == f"{tmp_path}/m"
    # A descriptor of a mount that somebody else made stays what it is.
    assert spec_of(parse(["vaultfs", "c", "/dev/fd/7"]), "/c").mountpoint == "/dev/fd/7"


def test_patterns_that_cannot_be_read_are_told_before_anything_is_asked() -> None:
    with pytest.raises(ExcludeUnreadable):
        spec("-reverse -exclude-from /nonexistent")
