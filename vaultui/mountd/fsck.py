"""`-fsck` as a person sees it: a line for each damage, and a summary."""

from __future__ import annotations

from vaultui.model.errors import CheckFoundDamage
from vaultui.model.exitcodes import ExitCode
from vaultui.model.secret import Secret
from vaultui.mountd import commands
from vaultui.mountd.console import log
from vaultui.wire.handshake import CheckProgress, CheckSpec, Damage


def run(spec: CheckSpec, secret: Secret) -> ExitCode:
    """Check a volume, print what is damaged, and return the exit code.

    `secret` is the password or, as the spec says, the master key.
    """
    log.info("Checking filesystem...")
    try:
        checked = commands.check(spec, secret, _tell_damage)
    except KeyboardInterrupt:
        print("fsck: aborted")
        return ExitCode.OTHER
    if checked.corrupt or checked.skipped:
        print(f"fsck summary: {checked.corrupt} corrupt files, {checked.skipped} files skipped")
        return CheckFoundDamage.exit_code
    log.info("fsck summary: no problems found")
    return ExitCode.OK


def _tell_damage(message: CheckProgress | Damage) -> None:
    if isinstance(message, Damage):
        print(damage_line(message), flush=True)


def damage_line(damage: Damage) -> str:
    """Return the line of -fsck for one damage: gocryptfs's words where it has some."""
    match damage.kind:
        case "corrupt-name":
            folder, _, name = damage.path.rpartition("/")
            return f'fsck: corrupt entry in dir "{folder}": "{name}"'
        case "corrupt-content":
            return f'fsck: corrupt file "{damage.path}": {damage.reason}'
        case "missing-dir-iv":
            return f'fsck: error opening dir "{damage.path}": {damage.reason}'
        case "corrupt-symlink":
            return f'fsck: error reading symlink "{damage.path}": {damage.reason}'
        case "corrupt-xattr":
            return f'fsck: corrupt extended attribute of "{damage.path}": {damage.reason}'
    return f'fsck: error reading "{damage.path}": {damage.reason}'
