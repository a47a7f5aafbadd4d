"""Paths on both sides of a reverse view, relative to the root, which is b""."""

from __future__ import annotations

from vaultui.cipherfs.inodes import Node


def join(above: bytes, name: bytes) -> bytes:
    """Return the path of `name` in the directory `above`."""
    return above + b"/" + name if above else name


def shown_path(node: Node) -> bytes:
    """Return the encrypted path of `node`, from which its IVs follow."""
    parts = []
    while node.parent is not None:
        parts.append(node.name)
        node = node.parent
    return b"/".join(reversed(parts))


def plain_path(node: Node) -> bytes:
    """Return where `node` lies in the plain directory."""
    parts = []
    while node.parent is not None:
        parts.append(node.cname)
        node = node.parent
    return b"/".join(reversed(parts))
