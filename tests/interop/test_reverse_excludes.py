"""What gocryptfs leaves out for a list of patterns, we leave out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import CHEAP_SCRYPT, Gocryptfs, run_program

from vaultui.cipherfs.reverse.excludes import Excludes

_FILES = [
    "foo",
    "foo.txt",
    "foobar",
    ".foo",
    "keep",
    "name[1]",
    "x1",
    "new",
    "#hash",
    "!bang",
    "ümlaut",
    "DIR/x.c",
    "dir/foo",
    "dir/foo.txt",
    "dir/keep",
    "dir/sub/foo",
    "dir/sub/deep/foo.txt",
    "dir/sub/keep",
    "x/dir/foo",
    "x/dir/sub/foo",
    "x/a/foo",
    "x/src/main.c",
    "x/cache/z",
    "cache/x",
    "a/cache/x",
    "a/b/foo",
    "a/foo/b/c",
    "a/x/b/y",
    "bar/foo",
    "bar/foobar",
    "src/main.c",
    "src/gen/a.c",
    "src/gen/b.h",
    "s/u",
    "s/t/u/v",
    ".git/config",
    "r/.git/config",
    "q/a.tar.gz",
]

_PATTERNS = [
    ["foo"],
    ["/foo"],
    ["foo*"],
    ["/foo*"],
    ["*.txt"],
    ["/*.txt"],
    ["**/*.txt"],
    ["dir"],
    ["/dir"],
    ["dir/"],
    ["/dir/"],
    ["dir/foo"],
    ["/dir/foo"],
    ["dir/foo/"],
    ["dir/*"],
    ["/dir/*"],
    ["dir/**"],
    ["/x/**"],
    ["**/dir/**"],
    ["**/foo"],
    ["**/foo/**"],
    ["a/**/b"],
    ["a/**/b/"],
    ["a/**/b/**/c"],
    ["/s/**/u"],
    ["*/foo"],
    ["/*/foo"],
    ["*/*"],
    ["/*/*"],
    ["src/*.c"],
    ["/src/*.c"],
    ["src/**/*.c"],
    ["**/src/*.c"],
    ["s*/*.c"],
    ["*.tar.*"],
    [".git"],
    [".git/"],
    [".*"],
    ["/.*"],
    ["*", "!/keep"],
    ["*", "!keep"],
    ["*", "!/dir"],
    ["*", "!/dir/sub"],
    ["*", "!*/", "!*.txt"],
    ["/*", "!/x"],
    ["/*", "!/x/", "!/x/dir"],
    ["/x/*", "!/x/a"],
    ["/x/**", "!/x/a/**"],
    ["foo*", "!foobar"],
    ["foo*", "!/foobar"],
    ["!foo", "foo"],
    ["*.c", "!/src/gen/a.c"],
    ["src/gen/*", "!*.h"],
    ["#hash"],
    ["\\#hash"],
    ["\\!bang"],
    ["name[1]"],
    ["name\\[1\\]"],
    ["x[0-9]"],
    ["[xa]*"],
    ["[a-c]*"],
    ["foo "],
    ["  /foo"],
    ["foo\r"],
    ["ümlaut"],
    ["ü*"],
    ["FOO"],
    ["//foo"],
    ["./foo"],
    ["["],
    ["**"],
    ["/*"],
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose names are shown as they are."""
    tree = tmp_path_factory.mktemp("excludes") / "plain"
    for path in _FILES:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(b"x")
    command = ("gocryptfs", "-init", "-reverse", "-q", "-plaintextnames", *CHEAP_SCRYPT, tree)
    run_program(command, b"correct horse battery\n").check()
    return tree


def test_the_same_paths_are_left_out(tree: Path) -> None:
    paths = sorted(
        os.path.relpath(os.path.join(top, name), tree)
        for top, folders, files in os.walk(tree)
        for name in folders + files
        if not name.startswith(".gocryptfs")
    )
    wrong = {}
    for patterns in _PATTERNS:
        theirs = hidden_by_gocryptfs(tree, patterns, paths)
        ours = hidden_by_us(patterns, paths)
        if theirs != ours:
            wrong[tuple(patterns)] = (sorted(theirs - ours), sorted(ours - theirs))
    assert wrong == {}


def hidden_by_gocryptfs(tree: Path, patterns: list[str], paths: list[str]) -> set[str]:
    options = [word for pattern in patterns for word in ("-exclude-wildcard", pattern)]
    volume = Gocryptfs(
        tree.parent,
        cipherdir=tree,
        mountpoint=tree.parent / "view",
        mount_options=("-reverse", *options),
    )
    volume.mount()
    try:
        hidden = {path for path in paths if not os.path.lexists(volume.mountpoint / path)}
        volume.unmount()
    finally:
        volume.kill()
    return hidden


def hidden_by_us(patterns: list[str], paths: list[str]) -> set[str]:
    """Return the paths that are hidden, or below a directory that is."""
    excludes = Excludes(patterns=patterns)
    hidden: set[str] = set()
    for path in paths:
        if os.path.dirname(path) in hidden or excludes.hides(os.fsencode(path)):
            hidden.add(path)
    return hidden
