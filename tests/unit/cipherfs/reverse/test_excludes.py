"""Patterns of what is left out. That gocryptfs reads them so is shown in tests/interop."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openreverse import PLAINTEXT, OpenReverse, a_config, volume_of_zeros

from vaultui.cipherfs.reverse.excludes import Excludes

# Patterns, what they hide, what they don't.
_TABLE = [
    (["foo"], ["foo", "a/foo", "foo/below"], ["foobar", "a/foo.txt"]),
    (["/foo"], ["foo", "foo/below"], ["a/foo"]),
    (["a/foo"], ["a/foo", "x/a/foo"], ["foo"]),
    (["*.txt"], ["x.txt", "a/x.txt", ".txt"], ["x.txt2", "txt"]),
    (["/*.txt"], ["x.txt"], ["a/x.txt"]),
    (["src/*.c"], ["src/x.c"], ["src/gen/x.c", "a/src/x.c"]),
    (["src/**/*.c"], ["src/x.c", "src/a/b/x.c"], ["x.c", "src/x.h"]),
    (["**/foo"], ["foo", "a/foo", "a/b/foo"], ["xfoo"]),
    (["a/**"], ["a", "a/b", "a/b/c"], ["ab", "b"]),
    (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b/c"], ["ab", "a/xb"]),
    (["cache/"], ["cache/x", "a/cache/x"], ["cache", "a/cache", "cachex"]),
    (["*", "!/keep"], ["x", "a/x", "keeper"], ["keep", "keep/all/below"]),
    (["*", "!*/", "!*.txt"], ["x", "a.c"], ["x.txt", "a/x.txt"]),
    (["foo*", "!foobar"], ["foo", "foox"], ["foobar", "a/foobar"]),
    (["!foo", "foo"], ["foo"], []),
    (["*a*b*c"], ["abc", "xaxbxc", "abcabc"], ["acb", "a/b/c", "abcx"]),
    (["x*y*/*z"], ["xyy/z", "xay/az"], ["x/y/z", "xy/za"]),
    (["**foo"], ["foo", "xfoo"], ["foox"]),
    (["a?c"], ["abc", "aüc"], ["ac", "a/c", "abbc"]),
    (["[ab]"], ["a", "b", "x/a"], ["c", "ab"]),
    (["[!ab]"], ["c"], ["a", "/"]),
    (["[a-c]x"], ["bx"], ["dx", "-x"]),
    (["[]x]"], ["]", "x"], ["[]x]"]),
    (["[[]"], ["["], ["[[]"]),
    (["a[[:alpha:]]c"], ["abc"], ["a1c", "a:c"]),
    (["x[![:digit:]_]"], ["xa"], ["x1", "x_"]),
    (["[a--]", "[x&&y]", "[|~]~"], ["a", "-", "&", "x", "|~"], ["b"]),
    (["[[:graph:]]"], ["a", "["], [" ", "ü"]),
    (["[[:punct:]]"], ["[", "`", "~", "!"], ["a", " "]),
    (["star\\*"], ["star*"], ["starfish"]),
    (["x\\[1\\]"], ["x[1]"], ["x1"]),
    (["\\#hash"], ["#hash"], ["\\#hash"]),
    (["\\!bang"], ["!bang"], ["bang"]),
    (["#comment", "", "  ", "!"], [], ["#comment", "comment", "x"]),
    (["name "], ["name"], ["name "]),
    (["name\\ "], ["name "], ["name"]),
    (["dos\r"], ["dos"], []),
    # What means something in regular expressions means nothing here.
    (["C++"], ["C++"], ["CC"]),
    (["a.b"], ["a.b"], ["axb"]),
    (["(old)"], ["(old)"], ["old"]),
    (["a|b"], ["a|b"], ["a", "b"]),
    (["$x^{1}"], ["$x^{1}"], []),
    (["[z-a]"], [], ["z", "a", "[z-a]"]),
    (["["], ["["], []),
    (["new*"], ["new\nline"], []),
    (["\udcff*"], ["\udcffx"], ["x"]),
]


def test_patterns_hide_what_they_should_and_nothing_else() -> None:
    wrong = [
        (patterns, path)
        for patterns, hidden, shown in _TABLE
        for path in (*hidden, *shown)
        if Excludes(patterns=patterns).hides(os.fsencode(path)) is not (path in hidden)
    ]
    assert wrong == []


def test_a_long_name_does_not_keep_a_pattern_of_many_stars_busy() -> None:
    assert not Excludes(patterns=["*a" * 20 + "*b"]).hides(b"a" * 255)


@given(
    st.text(max_size=30) | st.text("[]!^-&|~:\\*a", max_size=12), st.binary(min_size=1, max_size=30)
)
def test_no_text_is_too_strange_for_a_pattern(text: str, path: bytes) -> None:
    assert Excludes(patterns=[text]).hides(path) in (False, True)


@given(st.text("ab*/", min_size=1, max_size=8), st.text("ab/", min_size=1, max_size=10))
def test_stars_match_what_they_would_if_all_were_tried(glob: str, path: str) -> None:
    assume("**" not in glob and not glob.startswith("/") and not glob.endswith("/"))
    naive = "(?:|.*/)" + glob.replace("*", "[^/]*") + "(?:|/.*)"
    expected = re.fullmatch(naive, path) is not None
    assert Excludes(patterns=[glob]).hides(path.encode()) is expected


def test_paths_begin_at_the_root() -> None:
    excludes = Excludes(["Music", "a/b"])
    assert excludes.hides(b"Music/x")
    assert excludes.hides(b"a/b")
    assert not excludes.hides(b"x/Music")


def test_a_later_pattern_takes_back_a_path() -> None:
    assert not Excludes(["Music"], ["!Music"]).hides(b"Music")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return a directory with a config, a subdirectory and long names."""
    (tmp_path / ".gocryptfs.reverse.conf").write_bytes(a_config())
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "file").write_bytes(b"x")
    (tmp_path / "dir" / ("l" * 200)).write_bytes(b"x")
    return tmp_path


def test_what_is_excluded_is_missing_from_listings_and_refused_by_name(plain: Path) -> None:
    with OpenReverse(plain, excludes=Excludes(patterns=["file", "l*"])) as view:
        assert view.names("dir") == [b"gocryptfs.diriv"]
        long = view.shown("dir/" + "l" * 200)
        for shown in (view.shown("dir/file"), long, long + b".name"):
            with pytest.raises(PermissionError) as caught:
                view.find(shown)
            assert caught.value.errno == errno.EPERM


def test_the_root_its_iv_and_the_config_are_never_excluded(plain: Path) -> None:
    for patterns in (["*"], ["**"], ["/"], [".*"], ["gocryptfs.*", ".gocryptfs.reverse.conf"]):
        with OpenReverse(plain, excludes=Excludes(patterns=patterns)) as view:
            assert {b"gocryptfs.conf", b"gocryptfs.diriv"} <= set(view.names())
            assert view.read_shown(b"gocryptfs.conf") == a_config()


def test_companions_below_a_directory_that_was_taken_back_are_there(plain: Path) -> None:
    # gocryptfs looks their paths up with the directory encrypted, and refuses them.
    with OpenReverse(plain, excludes=Excludes(patterns=["*", "!/dir"])) as view:
        companion = view.shown("dir/" + "l" * 200) + b".name"
        assert view.read_shown(companion)
        assert companion.rpartition(b"/")[2] in view.names("dir")


def test_excluded_plain_names_are_refused_too(plain: Path) -> None:
    volume = volume_of_zeros(PLAINTEXT)
    with OpenReverse(plain, volume, excludes=Excludes(["dir/file"])) as view:
        assert view.names("dir") == [b"l" * 200]
        with pytest.raises(PermissionError):
            view.find(b"dir/file")


def test_directories_of_other_file_systems_are_shown_empty_where_that_is_asked_for() -> None:
    with OpenReverse(Path("/"), one_file_system=True) as view:
        assert view.names("proc") == [b"gocryptfs.diriv"]
        assert view.find(view.shown("proc") + b"/gocryptfs.diriv").size == 16
        assert not view.exists("proc/version")
        assert len(view.names("etc")) > 1
    with OpenReverse(Path("/")) as view:
        assert view.exists("proc/version")


def test_a_directory_that_is_moved_to_an_excluded_place_shows_nothing_new(plain: Path) -> None:
    (plain / "dir" / "below").mkdir()
    (plain / "secret").mkdir()
    with OpenReverse(plain, excludes=Excludes(["secret"])) as view:
        inside = view.attributes("dir/below").ino
        new = view.shown("dir/below/new").rpartition(b"/")[2]
        handle = view.fs.opendir(inside)
        (plain / "dir").rename(plain / "secret" / "dir")
        (plain / "secret" / "dir" / "below" / "new").touch()
        with pytest.raises(FileNotFoundError):
            view.fs.lookup(inside, new)
        with pytest.raises(FileNotFoundError):
            list(view.fs.readdir(handle, 0))
        (plain / "dir" / "below").mkdir(parents=True)
        with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
            view.fs.lookup(inside, new)
