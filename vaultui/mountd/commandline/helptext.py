"""The two help texts, from the table of options."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final

from vaultui.mountd.commandline.optiontable import GROUPS, Option

_WIDTH: Final = 80
_INDENT: Final = 24


def help_text(program: str, version: str, *, full: bool) -> str:
    """Return the help of `program`: of the common options, or of all under their headings."""
    lines = [
        version,
        "",
        f"Usage: {program} -init|-passwd|-info|-fsck [OPTIONS] CIPHERDIR",
        f"  or   {program} [OPTIONS] CIPHERDIR MOUNTPOINT",
        "",
    ]
    if full:
        lines += [
            "A word may begin with one dash or two. On or off: -OPTION, -OPTION=true or",
            "-OPTION=false. Options and directories come in any order.",
        ]
        for heading, rows in GROUPS.items():
            lines += ["", f"{heading}:", *_described(rows)]
        lines.append("")
    else:
        common = [row for rows in GROUPS.values() for row in rows if row.common]
        lines += ["Common options (use -hh to show all):", *_described(common)]
    lines.append(_item("--", "Stop option parsing"))
    return "\n".join(lines)


def _described(rows: Iterable[Option]) -> list[str]:
    return [
        _item(", ".join(f"-{name}" for name in sorted(row.names, key=len)), row.help, row.value)
        for row in rows
    ]


def _item(names: str, text: str, value: str = "") -> str:
    left = f"  {names} {value}".rstrip()
    lines = textwrap.wrap(text, _WIDTH - _INDENT)
    if len(left) < _INDENT:
        left = left.ljust(_INDENT) + lines.pop(0)
    return "\n".join([left, *(" " * _INDENT + line for line in lines)])
