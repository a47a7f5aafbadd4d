"""Whom a container runs as: numbers, and names that its own /etc/passwd and /etc/group know."""

from __future__ import annotations

import os
from pathlib import Path

from vaultui.model.errors import TaskOptionInvalid
from vaultui.model.language import N_
from vaultui.tasks.containers.spec import ContainerUser

_OPTION = "--user"
_MAX_ID = (1 << 32) - 2


def chosen(asked: str, rootfs: str) -> ContainerUser:
    """Return who "user" or "user:group" is in `rootfs`, root for an empty one.

    Raises TaskOptionInvalid for a name that is not known there. Where no group is asked for, it
    is the user's, with all other groups that the user belongs to.
    """
    name, separator, group = (asked or "0").partition(":")
    passwd, groups = _table(rootfs, "passwd"), _table(rootfs, "group")
    key = 2 if name.isdecimal() else 0
    known = next((line for line in passwd if len(line) > 5 and line[key] == name), None)
    if known is None and not name.isdecimal():
        reason = N_("the /etc/passwd of that system has no such user")
        raise TaskOptionInvalid(option=_OPTION, value=asked, reason=reason)
    uid = _number(known[2] if known else name, asked)
    home = known[5] if known else "/"
    if separator:
        return ContainerUser(uid, _group(group, groups, asked), (), home)
    members = () if known is None else _groups_of(known[0], groups)
    return ContainerUser(uid, _number(known[3], asked) if known else 0, members, home)


def _group(name: str, groups: list[list[str]], asked: str) -> int:
    if name.isdecimal():
        return _number(name, asked)
    for line in groups:
        if line[0] == name and len(line) > 2:
            return _number(line[2], asked)
    reason = N_("the /etc/group of that system has no such group")
    raise TaskOptionInvalid(option=_OPTION, value=asked, reason=reason)


def _groups_of(user: str, groups: list[list[str]]) -> tuple[int, ...]:
    return tuple(
        int(line[2])
        for line in groups
        if len(line) > 3 and line[2].isdecimal() and user in line[3].split(",")
    )


def _number(text: str, asked: str) -> int:
    if not text.isdecimal() or int(text) > _MAX_ID:
        reason = N_("ids go up to 4294967294")
        raise TaskOptionInvalid(option=_OPTION, value=asked, reason=reason)
    return int(text)


def _table(rootfs: str, name: str) -> list[list[str]]:
    """Return the lines of a file in /etc as fields; none where it is missing.

    A link is not followed: in there it would lead to another file than for us.
    """
    try:
        directory = os.open(Path(rootfs, "etc"), os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:
        return []
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    except OSError:
        return []
    finally:
        os.close(directory)
    with os.fdopen(fd, encoding="utf-8", errors="surrogateescape") as file:
        return [line.rstrip("\n").split(":") for line in file]
