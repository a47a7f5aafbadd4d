"""A program in a view of its own: what it sees, what it can change, and who it is."""

import os
import shutil
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs
from support import run_program
from taskstarting import TaskPlace

from vaultui.model.errors import (
    TaskCommandNotExecutable,
    TaskCommandNotFound,
    TaskOptionInvalid,
    VaultKeptClosed,
)
from vaultui.tasks.isolated import prepare
from vaultui.tasks.plan import Job, TaskPlan
from vaultui.tasks.request import BindRequest, Surroundings, TaskRequest
from vaultui.wire.tasks import SCRATCH_DIR, Driver

pytestmark = [pytest.mark.anyio, needs("user-namespaces")]

NOBODY = 65534

KEEPS = """
from vaultui.linux import landlock, prctl
prctl.set_no_new_privileges()
raise SystemExit(not landlock.keep_to_own_abstract_sockets())
"""


class Isolated:
    """Plans and runs isolated tasks against a directory that stands for an open vault."""

    def __init__(self, place: TaskPlace, mountpoint: Path) -> None:
        self.place = place
        self.mountpoint = mountpoint

    def plan(
        self, *command: str, allow_other: bool = True, around: Any = None, **request: Any
    ) -> TaskPlan:
        directory = self.place.top / "job"
        shutil.rmtree(directory, ignore_errors=True)
        (directory / SCRATCH_DIR).mkdir(parents=True)
        asked = TaskRequest(
            command, Driver.ISOLATED, around=Surroundings(**(around or {})), **request
        )
        mountpoint = str(self.mountpoint)
        return prepare(Job("0" * 8, directory, "Work", mountpoint, asked, allow_other=allow_other))

    async def output(self, sh: str, **how: Any) -> list[str]:
        """Return the lines that a shell's command line prints, errors among them."""
        plan = self.plan("sh", "-c", f"exec 2>&1; {sh}", **how)
        spec = self.place.spec(
            *plan.argv, room=plan.room, attributes=plan.attributes, teardown=plan.teardown
        )
        spec.env.clear()
        spec.env.update(plan.env)
        task = await self.place.launch(spec)
        await task.go()
        await task.wait()
        assert not self.place.top.joinpath(plan.room.view.staging).exists()
        return self.place.output(task).splitlines()


@pytest.fixture
def isolated(place: TaskPlace, tmp_path: Path) -> Isolated:
    """Return what runs tasks; everybody may write to the vault."""
    mountpoint = tmp_path / "vault"
    mountpoint.mkdir()
    mountpoint.chmod(0o777)
    return Isolated(place, mountpoint)


async def test_it_is_nobody_or_who_it_was_before(isolated: Isolated) -> None:
    uid, gid = (NOBODY, NOBODY) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    seen = await isolated.output(
        "id -u; id -g; grep -E 'Cap(Prm|Eff|Amb)|NoNewPrivs' /proc/self/status"
    )
    none = [f"Cap{name}:\t{0:016x}" for name in ("Prm", "Eff", "Amb")]
    assert seen == [str(uid), str(gid), *none, "NoNewPrivs:\t1"]


async def test_it_begins_in_the_vault_and_can_write_there_and_to_its_own(
    isolated: Isolated,
) -> None:
    seen = await isolated.output(
        'pwd; echo text > file; for place in "$TASK_DIR" /tmp /var/tmp /dev/shm "$HOME"; do'
        ' touch "$place/new" && ls -d "$place"/n*; done'
    )
    assert seen[0] == str(isolated.mountpoint)
    assert [line.rpartition("/")[2] for line in seen[1:]] == ["new"] * 5
    assert (isolated.mountpoint / "file").read_text() == "text\n"


async def test_it_cannot_change_the_system(isolated: Isolated) -> None:
    seen = await isolated.output("for d in / /usr /etc /sys; do touch $d/new || echo no; done")
    assert [line for line in seen if line == "no"] == ["no"] * 4


async def test_what_belongs_to_people_is_not_there(
    isolated: Isolated, tmp_path: Path, home: Path
) -> None:
    (home / "diary").write_text("private")
    (tmp_path / "letter").write_text("private")
    names = f"{home}/diary {tmp_path}/letter /root/.profile /home/* /var/lib /srv /media"
    seen = await isolated.output(f"ls -d {names} 2> /dev/null; ls -A /tmp | wc -l")
    # On the way to the vault there are directories with nothing else in them.
    assert seen == ["1" if str(tmp_path).startswith("/tmp/") else "0"]


async def test_a_directory_below_dev_is_not_covered_by_the_devices(
    isolated: Isolated, tmp_path: Path
) -> None:
    (tmp_path / "letter").write_text("text")
    bind = BindRequest(str(tmp_path / "letter"), "/dev/shm/letter")
    assert await isolated.output("cat /dev/shm/letter", around={"binds": (bind,)}) == ["text"]


@needs("root")
async def test_a_system_that_does_not_know_nobody_has_one_all_the_same(
    isolated: Isolated, tmp_path: Path
) -> None:
    (tmp_path / "system" / "bin").mkdir(parents=True)
    shutil.copy("/bin/sh", tmp_path / "system" / "bin" / "sh")
    plan = isolated.plan("sh", around={"rootfs": str(tmp_path / "system")})
    assert (plan.attributes.uid, plan.attributes.gid) == (NOBODY, NOBODY)


async def test_it_sees_its_own_processes_and_few_devices(isolated: Isolated) -> None:
    seen = await isolated.output("cat /proc/1/comm; ls -d /proc/[0-9]* | wc -l; ls /dev | head -3")
    assert (seen[0], int(seen[1]) < 8) == ("vaultui-init", True)
    assert seen[2:] == ["fd", "full", "null"]
    assert (await isolated.output("echo gone > /dev/null; head -c 3 /dev/zero | wc -c")) == ["3"]


async def test_the_old_root_is_not_among_its_mounts(isolated: Isolated) -> None:
    table = await isolated.output("cut -d' ' -f5 /proc/self/mountinfo")
    own = {"/", "/dev", "/proc", "/tmp", "/usr", "/etc", str(isolated.mountpoint), "/task"}
    assert own <= set(table)
    assert not {"/home", "/root", "/var", "/boot"} & set(table)
    assert table.count("/") == 1


async def test_a_vault_that_is_asked_for_read_only_is_that(isolated: Isolated) -> None:
    seen = await isolated.output("touch new || echo refused", read_only=True)
    assert seen[-1] == "refused"


async def test_it_finds_the_vault_where_it_is_asked_for(isolated: Isolated) -> None:
    (isolated.mountpoint / "file").touch()
    seen = await isolated.output('pwd; ls "$VAULT_MOUNT"', around={"at": "/data/vault"})
    assert seen == ["/data/vault", "file"]


async def test_binds_show_more_and_the_first_for_a_place_wins(
    isolated: Isolated, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
        (tmp_path / name).chmod(0o777)
    binds = (
        BindRequest(str(tmp_path / "one"), "/more", read_only=True),
        BindRequest(str(tmp_path / "two"), "/more"),
        BindRequest(str(tmp_path / "two"), "/opt-of-mine/deep"),
        BindRequest(str(tmp_path / "two" / "two"), "/tmp/a-file"),
    )
    sh = "ls /more /opt-of-mine/deep /tmp; touch /opt-of-mine/deep/new; touch /more/new || echo no"
    seen = await isolated.output(sh, around={"binds": binds})
    assert [line for line in seen if line in ("one", "two", "no", "a-file")] == [
        *("one", "two", "a-file", "no")
    ]
    assert (tmp_path / "two" / "new").exists()


async def test_without_a_network_it_can_only_talk_to_itself(isolated: Isolated) -> None:
    interfaces = [name for _, name in socket.if_nameindex()]
    count = "tail -n +3 /proc/net/dev | cut -d: -f1"
    assert [line.strip() for line in await isolated.output(count)] == interfaces
    seen = await isolated.output(
        f"{count}; cat /sys/class/net/lo/flags /proc/net/if_inet6", around={"network": "none"}
    )
    assert seen[0].strip() == "lo"


async def test_with_the_network_it_reaches_no_abstract_socket_of_the_session(
    isolated: Isolated, tmp_path: Path
) -> None:
    """A D-Bus or an X server listens there, and would start anything for it."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0vaultui-test-{tmp_path.name}-{os.getpid()}")
        listening.listen()
        name = listening.getsockname()[1:].decode()
        code = f"import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}'); print('in')"
        (isolated.mountpoint / "call").write_text(code)
        seen = await isolated.output("/usr/bin/python3 call")
    kept = run_program((sys.executable, "-c", KEEPS)).returncode == 0  # not by older kernels
    assert seen[-1] == ("PermissionError: [Errno 1] Operation not permitted" if kept else "in")


async def test_the_name_of_the_machine_can_be_another_one(isolated: Isolated) -> None:
    before = socket.gethostname()
    assert await isolated.output("uname -n", around={"hostname": "elsewhere"}) == ["elsewhere"]
    assert socket.gethostname() == before


@needs("busybox")
async def test_another_system_takes_the_place_of_ours(isolated: Isolated, tmp_path: Path) -> None:
    rootfs = tmp_path / "rootfs"
    (rootfs / "bin").mkdir(parents=True)
    (rootfs / "home" / "somebody").mkdir(parents=True)
    (rootfs / "data").mkdir()
    (rootfs / "data" / "its-own").touch()
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, rootfs / "bin" / "busybox")
    (rootfs / "bin" / "sh").symlink_to("busybox")
    (rootfs / "bin" / "ls").symlink_to("/bin/busybox")
    (rootfs / "sbin").symlink_to("bin")
    seen = await isolated.output(
        "pwd; ls /data; ls /home; ls / | sort | tr '\\n' ' '; touch /data/new || echo no",
        around={"rootfs": str(rootfs), "user": str(NOBODY) if os.geteuid() == 0 else ""},
    )
    assert seen[:2] == ["/vault", "its-own"]
    assert "somebody" not in seen
    assert seen[-1] == "no"


@needs("root", "busybox")
async def test_devices_in_a_system_that_somebody_else_made_lead_nowhere(
    isolated: Isolated, tmp_path: Path
) -> None:
    """Whoever made that system could have let everybody write to a disk of ours."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    for name in ("bin", "data"):
        (tmp_path / "rootfs" / name).mkdir(parents=True)
    shutil.copy(busybox, tmp_path / "rootfs" / "bin" / "sh")
    device = tmp_path / "rootfs" / "data" / "zero"
    os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    device.chmod(0o666)
    seen = await isolated.output(
        "(: < /dev/zero) && echo ours; (: < /data/zero) || echo refused",
        around={"rootfs": str(tmp_path / "rootfs"), "user": str(NOBODY)},
    )
    assert (seen[0], seen[-1]) == ("ours", "refused")


@needs("root")
async def test_it_has_not_the_keys_of_the_session_that_it_was_started_in(
    isolated: Isolated,
) -> None:
    """Nobody may look at keys of root but through a keyring that was left to them."""
    assert await isolated.output("grep -c ' keyring  *_ses: empty' /proc/keys") == ["1"]


# --- what is refused before anything starts ---


@pytest.mark.parametrize(
    ("around", "option"),
    [
        ({"network": "bridge"}, "--network"),
        ({"rootfs": "/nonexistent"}, "--rootfs"),
        ({"binds": (BindRequest("/nonexistent", "/x"),)}, "--bind"),
        ({"binds": (BindRequest("/usr", "/x", propagation="rshared"),)}, "--bind"),
        ({"at": "/.."}, "--at"),
        ({"binds": (BindRequest("/etc", "/"),)}, "--bind"),
        ({"user": "root"}, "--user"),
        ({"user": "no-such-user"}, "--user"),
    ],
)
async def test_options_that_make_no_sense_here_are_refused(
    isolated: Isolated, around: dict[str, Any], option: str
) -> None:
    with pytest.raises(TaskOptionInvalid) as told:
        isolated.plan("true", around=around)
    assert told.value.details["option"] == option


@needs("root")
async def test_a_vault_that_lets_nobody_in_is_refused_with_the_cure(isolated: Isolated) -> None:
    with pytest.raises(VaultKeptClosed) as told:
        isolated.plan("true", allow_other=False)
    assert told.value.hint.startswith("Lock it, and it is opened for the task alone")


async def test_a_program_that_the_view_does_not_show_is_not_found(
    isolated: Isolated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    for name in ("tool", str(tool), "no-such-program"):
        with pytest.raises(TaskCommandNotFound):
            isolated.plan(name)
    shown = {"binds": (BindRequest(str(tool.parent), str(tool.parent)),)}
    assert isolated.plan("tool", around=shown).argv == (str(tool),)


async def test_what_cannot_be_executed_is_told(isolated: Isolated) -> None:
    for name in ("/etc/passwd", "/usr"):
        with pytest.raises(TaskCommandNotExecutable):
            isolated.plan(name)
    # What lies in the vault may be locked yet, and is not looked at.
    assert isolated.plan("./tool").argv == (str(isolated.mountpoint / "tool"),)
