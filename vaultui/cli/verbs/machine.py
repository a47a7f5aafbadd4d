"""doctor, locate, install-desktop, completion: the machine and the places on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from vaultui.cli.output import place, shown
from vaultui.cli.session import Session
from vaultui.model.errors import UsageError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import N_, Phrase, _


def doctor_verb(session: Session) -> int:
    """Print what was looked at; the exit code tells whether something required is missing."""
    output = session.output
    findings = session.run(session.vaults.machine.doctor())
    missing = any(finding.required and not finding.ok for finding in findings)
    if output.as_json:
        data = [dataclasses.asdict(finding) for finding in findings]
        output.data({"ok": not missing, "findings": data})
        return int(ExitCode.DOCTOR_FINDINGS) if missing else 0
    good, bad = ("+", "x") if output.ascii_only else ("✓", "✖")
    for finding in findings:
        mark = good if finding.ok else bad if finding.required else "-"
        output.item(f"{mark} {finding.name:<13} ", shown(_(finding.text)))
        if not finding.ok and finding.cure:
            output.item(f"{'':16}", shown(_(finding.cure)))
    output.line()
    if missing:
        output.line(_("Vaults will not open before the findings marked with a cross are mended."))
    else:
        output.line(_("Nothing is missing that vaults need."))
    return int(ExitCode.DOCTOR_FINDINGS) if missing else 0


def locate_verb(session: Session) -> int:
    """Print a path, as it is, so that a script can use it."""
    what, name = session.arguments.what, session.arguments.name
    if what == "mount":
        if name is None:
            raise UsageError(what=N_("Say whose mount point: vaultui locate mount NAME"))
        path = Path(session.run(session.vaults.status(name)).mountpoint)
    elif name is None:
        path = session.vaults.machine.locate(what)
    elif what == "log":
        path = session.vaults.logbook.path(name)
    else:
        raise UsageError(what=Phrase("`locate {what}` takes no name", what=what))
    session.output.path(path)
    return 0


def install_desktop_verb(session: Session) -> int:
    """Write desktop entries and tell their files."""
    arguments = session.arguments
    files = session.vaults.machine.install_desktop(arguments.name, terminal=arguments.terminal)
    if session.output.as_json:
        session.output.data({"files": [str(path) for path in files]})
        return 0
    for path in files:
        session.output.line(place(str(path)))
    session.output.line(_("The desktop's menu has vaultui and its vaults now."))
    return 0


def completion_verb(session: Session) -> int:
    """Print a completion script."""
    from vaultui.cli.completion import completion_script

    session.output.line(completion_script(session.arguments.shell))
    return 0
