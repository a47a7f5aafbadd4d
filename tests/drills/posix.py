"""The checks of tests/conformance once more, as an ordinary user, who mounts and works.

`make test` runs them as whoever calls it, which in a container is root: permissions do not hold
root up, and the kernel asks other questions for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from ordinaryuser import OPEN_DEVICE, as_user, let_others_in

from tests.drills.harness import Drill, Row, Session

_CHECKS = Path(__file__).parents[1] / "conformance"
_ALONE = "umount -a -l -t fuse,fuse.vaultfs,fuse.gocryptfs\n"
"""For a mount namespace: what it has copies of would live on in it after its end outside."""
_NATIVE, _GOCRYPTFS = "native", "gocryptfs"


class _Check(NamedTuple):
    """How a check came out; one that needs root is left out."""

    name: str
    passed: bool
    reason: str
    """Why it is known to fail, where it is."""

    @property
    def place(self) -> str:
        """The file system, as the check's own name has it; ours in all kinds is all the others."""
        return self.name.partition("[")[2].rstrip("]").partition("-")[0]

    @property
    def plain_name(self) -> str:
        return self.name.partition("[")[0].removeprefix("test_").replace("_", " ")


def run(session: Session) -> list[Row]:
    """Run the checks; one that fails and is not known to is a finding."""
    checks = _run_checks(session)
    native = [check for check in checks if check.place == _NATIVE]
    theirs = [check for check in checks if check.place == _GOCRYPTFS]
    ours = [check for check in checks if check.place not in (_NATIVE, _GOCRYPTFS)]
    for check in checks:
        if not (check.passed or check.reason):
            peer = session.peers.gocryptfs if check in theirs else session.peers.ours
            session.found(peer, f"{check.plain_name}, {check.name}", session.seed)
    held = [str(sum(check.passed for check in some)) for some in (ours, theirs)]
    rows = [Row("checks that hold", *held, f"{len(native)} on the file system below")]
    for check in (*ours, *theirs):
        if not check.passed:
            cells = ("–", "differs") if check in theirs else ("differs", "–")
            rows.append(Row(check.plain_name, *cells, check.reason))
    return rows


def _run_checks(session: Session) -> Sequence[_Check]:
    base = session.base / "run"
    base.mkdir()
    base.chmod(0o777)
    let_others_in(base)
    device = session.base / "device"
    device.mkdir()
    report = base / "report.xml"
    done = subprocess.run(
        (
            *("unshare", "--mount", "sh", "-c", _ALONE + OPEN_DEVICE, "sh", device, *as_user()),
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(f"--basetemp={base}/t", f"--junitxml={report}", _CHECKS),
        ),
        cwd=_CHECKS.parents[1],
        env={"HOME": str(base), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        check=False,
    )
    assert report.exists(), f"pytest did not come to its end:\n{done.stdout.decode()[-2000:]}"
    checks = []
    for case in ET.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        known = skipped is not None and skipped.get("type") == "pytest.xfail"
        if skipped is None or known:
            reason = (skipped.get("message") or "") if skipped is not None else ""
            checks.append(_Check(case.get("name") or "", len(case) == 0, reason))
    return checks


DRILL = Drill(
    "posix",
    "Behaviour of a file system, for an ordinary user",
    run,
    minutes=2.0,
    needs=("fuse", "gocryptfs", "root", "ordinary-user"),
)
