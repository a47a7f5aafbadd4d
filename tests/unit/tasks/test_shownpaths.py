"""Which of our files a path means in a view."""

from pathlib import Path

import pytest

from vaultui.tasks.shownpaths import ShownPaths
from vaultui.wire.rooms import Bind, EmptyDirectory, View


@pytest.fixture
def shown(tmp_path: Path) -> ShownPaths:
    """Return a view of a small system, with a directory more in it."""
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "bin" / "vi").symlink_to("../../etc/alternatives/vi")
    (tmp_path / "usr" / "bin" / "sh").symlink_to("/usr/bin/dash")
    (tmp_path / "usr" / "bin" / "round").symlink_to("round")
    (tmp_path / "etc" / "alternatives").mkdir(parents=True)
    (tmp_path / "etc" / "alternatives" / "vi").symlink_to("/usr/bin/vim")
    return ShownPaths(
        View(
            staging="/staging",
            binds=(
                Bind("/srv/vault", "/home/ada/Work"),
                Bind("/srv/more", "/usr/local"),
                Bind("/srv/other", "/usr/local"),
                Bind(str(tmp_path / "usr"), "/usr"),
                Bind(str(tmp_path / "etc"), "/etc"),
            ),
            directories=(EmptyDirectory("/home/ada"),),
            links=(("/bin", "usr/bin"), ("/lib", "/usr/lib")),
        )
    )


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/usr/bin/dash", "usr/bin/dash"),
        ("/bin/dash", "usr/bin/dash"),
        ("/lib/../bin/./dash", "usr/bin/dash"),
        ("/bin/sh", "usr/bin/dash"),
        ("/bin/vi", "usr/bin/vim"),
        ("/usr", "usr"),
    ],
)
def test_a_path_leads_where_the_links_of_the_view_lead(
    shown: ShownPaths, tmp_path: Path, path: str, ours: str
) -> None:
    assert shown.ours(path) == str(tmp_path / ours)


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/home/ada/Work/tool", "/srv/vault/tool"),
        ("/usr/local/bin/tool", "/srv/more/bin/tool"),
        # What is empty in the view hides what we have there.
        ("/home/ada/.profile", None),
        ("/root/tool", None),
        ("/", None),
        ("/bin/round", None),
    ],
)
def test_what_the_view_does_not_show_is_nothing_of_ours(
    shown: ShownPaths, path: str, ours: str | None
) -> None:
    assert shown.ours(path) == ours
