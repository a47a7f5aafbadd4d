"""Where places of a view are made: below its root, wherever links of the system in it lead."""

import errno
import stat
from pathlib import Path

import pytest

from vaultui.shim.view import made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with links that lead out of it, if they are followed from ours."""
    root = tmp_path / "root"
    (root / "usr" / "lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "absolute").symlink_to("/usr")
    (root / "climbing").symlink_to("../../../../etc")
    (root / "round").symlink_to("round")
    (tmp_path / "usr").mkdir()
    return root


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("/data", "data"),
        ("/home/ada/Work", "home/ada/Work"),
        ("/lib/new", "usr/lib/new"),
        ("/absolute/new", "usr/new"),
        ("/climbing/new", "etc/new"),
        ("/../../new", "new"),
        ("/usr/../lib/./new", "usr/lib/new"),
    ],
)
def test_a_place_is_made_where_the_task_will_find_it(root: Path, target: str, place: str) -> None:
    assert made(str(root), target, stat.S_IFDIR) == str(root / place)
    assert (root / place).is_dir()
    assert not (root.parent / "new").exists()


def test_for_a_file_there_is_a_file(root: Path) -> None:
    place = Path(made(str(root), "/dev/null", stat.S_IFCHR))
    assert place.is_file()
    # One that is there stays as it is.
    place.write_text("content")
    made(str(root), "/dev/null", stat.S_IFCHR)
    assert place.read_text() == "content"


def test_a_circle_of_links_is_an_error(root: Path) -> None:
    with pytest.raises(OSError, match="/round/new") as caught:
        made(str(root), "/round/new", stat.S_IFDIR)
    assert caught.value.errno == errno.ELOOP
