"""Every descriptor list comes true, whatever numbers it starts from (row A2 of the process rules).

The placing is done in a process of its own, which then executes a program that says what it
got: each open file is known by its inode.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vaultui
from vaultui.wire.launchspec import CLOSE

ROOT = str(Path(vaultui.__file__).parents[1])

# Opens a file for each of the descriptors 0 to 9 (file i on descriptor i), leaves the gaps
# that were asked for, places, and lets the next program report. The status descriptor is a
# file as well; it is written to after the placing, to see that it still is what it was.
PLACE = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from vaultui.shim.descriptors import close_all_on_exec, place
asked = json.loads(sys.argv[2])
base = asked["base"]
# Out of the way first, or opening file 3 could land on the way to it.
high = [os.open(f"{base}/{i}", os.O_RDWR | os.O_CREAT) for i in range(10)]
high = [__import__("fcntl").fcntl(fd, 1030, 100) for fd in high]
for i in range(10):
    os.dup2(high[i], i, inheritable=i in asked["inheritable"])
for fd in asked["gaps"]:
    os.close(fd)
stray = os.dup2(high[0], 50, inheritable=True)
close_all_on_exec()
status = place(asked["fds"], asked["status"])
os.write(status, b"status")
os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", '''
import os, sys
found = {}
for name in os.listdir("/proc/self/fd"):
    try:
        found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    except FileNotFoundError:
        pass
with open(sys.argv[1], "w") as report:
    report.write(repr(found))
''', f"{base}/report"])
"""


def placed(
    base: Path,
    fds: list[int],
    status: int,
    gaps: Sequence[int] = (),
    inheritable: Sequence[int] = (),
) -> dict[int, str]:
    """Return what the program finds on its descriptors: for file i the text "i"."""
    for old in base.iterdir():
        old.unlink()
    asked = {
        "base": str(base),
        "fds": fds,
        "status": status,
        "gaps": gaps,
        "inheritable": inheritable,
    }
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", PLACE, ROOT, json.dumps(asked)], check=True, timeout=60
    )
    assert (base / str(status)).read_bytes() == b"status"
    found = eval((base / "report").read_text())
    ours = {fd: path for fd, path in found.items() if path.startswith(str(base))}
    return {fd: Path(path).name for fd, path in ours.items() if not path.endswith("report")}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fds")


@pytest.mark.parametrize(
    ("fds", "expected"),
    [
        ([0, 1, 2], {0: "0", 1: "1", 2: "2"}),
        ([1, 0, 2], {0: "1", 1: "0", 2: "2"}),
        ([2, 0, 1], {0: "2", 1: "0", 2: "1"}),
        ([7, 7, 7], {0: "7", 1: "7", 2: "7"}),
        ([3, 4, 5, 0, 1, 2], {0: "3", 1: "4", 2: "5", 3: "0", 4: "1", 5: "2"}),
        ([0, 1, 2, CLOSE, 4, 6], {0: "0", 1: "1", 2: "2", 4: "4", 5: "6"}),
        ([CLOSE, CLOSE, CLOSE], {}),
        ([9], {0: "9"}),
        ([CLOSE, 0], {1: "0"}),
        ([], {}),
    ],
)
def test_index_i_becomes_descriptor_i_and_the_rest_is_closed(
    base: Path, fds: list[int], expected: dict[int, str]
) -> None:
    assert placed(base, fds, status=8) == expected


def test_the_status_descriptor_moves_out_of_the_way_and_is_closed_by_the_exec(base: Path) -> None:
    assert placed(base, [0, 1, 2, 6, 7, 4], status=5) == {
        0: "0",
        1: "1",
        2: "2",
        3: "6",
        4: "7",
        5: "4",
    }


def test_a_descriptor_in_its_place_loses_close_on_exec_only(base: Path) -> None:
    assert placed(base, [0, 1, 2, 3], status=9, inheritable=[1]) == {
        0: "0",
        1: "1",
        2: "2",
        3: "3",
    }


def test_closing_a_descriptor_that_is_not_open_is_no_error(base: Path) -> None:
    assert placed(base, [CLOSE, 1, CLOSE], status=9, gaps=[0, 2]) == {1: "1"}


@settings(max_examples=15)  # two processes each
@given(
    fds=st.lists(st.sampled_from([CLOSE, *range(8)]), max_size=8),
    status=st.sampled_from([8, 9]) | st.integers(0, 9),
)
def test_any_list_comes_true(base: Path, fds: list[int], status: int) -> None:
    wanted = [CLOSE if fd == status else fd for fd in fds]
    expected = {index: str(fd) for index, fd in enumerate(wanted) if fd != CLOSE}
    assert placed(base, wanted, status) == expected
