"""A small tree whose view was taken down from gocryptfs 2.3 (`-reverse -zerokey`)."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from openreverse import OpenReverse

_DIR = b"jeOhcHZCa3ih9FpMobH2dw"
_LONG = b"gocryptfs.longname.jMNnWSUwn3Cuit2MEfoWxkKN-DIrmdFJDbwcdN9D5IA"
_FULL_NAME = (
    b"H0IDJ3SQQStIpazAKHYPQIdLdB1coL9DrNFbbzI45u1wbedU_LOdDDqCfNz-oGMik3uaJZsKpD2"
    b"CfNxyu1iobgAnoepvjHTNSpEi9Apa-OIS8EjSQXZg7dET2g4Dcv01fBPgC4ywHUDltr2MseiH5g"
)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return the tree."""
    folder = tmp_path / "dir"
    folder.mkdir()
    (folder / "file").write_bytes(b"hello world\n")
    (folder / "two blocks").write_bytes(bytes(range(256)) * 16 + b"tail")
    (folder / "link").symlink_to("target")
    (tmp_path / ("n" * 200)).write_bytes(b"x")
    return tmp_path


def test_names_ivs_contents_and_targets_are_those_of_gocryptfs(plain: Path) -> None:
    with OpenReverse(plain) as view:
        shown = {path: content for path, (_mode, _size, content) in view.tree().items()}
    assert shown.pop(_LONG + b".name").startswith(_FULL_NAME)
    blocks = shown.pop(_DIR + b"/oWrokhVIi50pyg9RturjdA")
    assert hashlib.sha256(blocks).hexdigest() == (
        "e406be316beeb059dfe918fb76f35d9b8981ba6ecb848be409d23184ae2b8e96"
    )
    assert shown == {
        b"gocryptfs.diriv": bytes.fromhex("a8f7bac432ddc1cb3dc74e684d6ae48b"),
        _LONG: bytes.fromhex(
            "0002edd4ff948429868f949f4be2393b28b5927426f4451e47135a364db7c9c5c8b865afd5a6863a79e6"
            "a7498bab6e30aa3518"
        ),
        _DIR: b"",
        _DIR + b"/gocryptfs.diriv": bytes.fromhex("92bd5cf03c8ab5c94d6fa7e1625b8377"),
        _DIR + b"/AZJE8-LccVm4xFAnHqn0ZA": b"LQ1K7K6tdUZC5gfhfnfLoOy_-Tqy4TES5pEQ-tSJxlDW_z6t7cc",
        _DIR + b"/y4FByAUyk3Tuv-LN80VyYg": bytes.fromhex(
            "0002a943a9b81e4f69aaadf3aacf24dea8c855fc5ec86e8f76228b50871c17f319fdeba5ca9932bbef0e"
            "d2344b2643446aa79574d1cf42d2223fd35f0acc"
        ),
    }


def test_a_copy_of_the_tree_is_shown_the_same(
    plain: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "tree"
    shutil.copytree(plain, copy, symlinks=True)
    with OpenReverse(plain) as view, OpenReverse(copy) as again:
        assert view.tree() == again.tree()
