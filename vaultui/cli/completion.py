"""Completion scripts for shells: verbs, options, files, and the names of the vaults."""

from __future__ import annotations

import argparse

import shtab

from vaultui.cli.arguments import build_parser

_NAMES = {
    "bash": "_vaultui_names",
    "zsh": "_vaultui_names",
    "fish": "(vaultui list --names 2>/dev/null)",
}
_PREAMBLE = {
    # bash splits candidates at spaces, so names with one would be offered in pieces.
    "bash": """\
_vaultui_names() {
  compgen -W "$(vaultui list --names 2>/dev/null | grep -v ' ')" -- "$1"
}
""",
    "zsh": """\
_vaultui_names() {
  local -a names
  names=("${(@f)$(vaultui list --names 2>/dev/null)}")
  compadd -a names
}
""",
}
_BY_METAVAR = {
    "NAME": _NAMES,
    "DIR": shtab.DIRECTORY,
    "FILE": shtab.FILE,
    "PATH": shtab.FILE,
}


def completion_script(shell: str) -> str:
    """Return the script of "bash", "zsh" or "fish"."""
    parser = build_parser()
    _teach(parser)
    script: str = shtab.complete(parser, shell, preamble=_PREAMBLE.get(shell, ""))
    return script


def _teach(parser: argparse.ArgumentParser) -> None:
    """Tell shtab what each argument takes: it looks for an attribute of argparse's actions."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                _teach(verb)
        elif action.metavar in _BY_METAVAR:
            action.complete = _BY_METAVAR[action.metavar]  # type: ignore[attr-defined]
