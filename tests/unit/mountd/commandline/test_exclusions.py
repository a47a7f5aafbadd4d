"""What a reverse mount leaves out comes from options and from files, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaultui.model.errors import ExcludeRefused, ExcludeUnreadable
from vaultui.mountd.commandline.exclusions import read_patterns
from vaultui.mountd.commandline.pflag import parse
from vaultui.mountd.commandline.refusals import check_exclusions


def test_lines_of_files_come_behind_the_patterns_and_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "patterns"
    path.write_bytes(b"# of Windows\r\n*.tmp\r\n\n trailing \xff \n!keep")
    assert read_patterns(["*.mp3"], [str(path)]) == (
        "*.mp3",
        "# of Windows",
        "*.tmp",
        "",
        " trailing \udcff ",
        "!keep",
    )


@pytest.mark.parametrize("name", ["nothing", "."])
def test_a_file_that_cannot_be_read_is_29(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExcludeUnreadable) as failure:
        read_patterns([], [str(tmp_path / name)])
    assert failure.value.exit_code == 29


def test_only_exclude_itself_is_refused_without_reverse() -> None:
    check_exclusions(parse(["vaultfs", "-ew", "x", "-exclude-from", "y"]))
    check_exclusions(parse(["vaultfs", "-reverse", "-e", "x"]))
    for name in ("-e", "-exclude"):
        with pytest.raises(ExcludeRefused):
            check_exclusions(parse(["vaultfs", name, "x"]))
