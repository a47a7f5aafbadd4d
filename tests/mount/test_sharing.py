"""Several users in one mount that root serves: whose files are made, and who may do what.

A folder of the file system below is the judge: the same steps there and in the mount end in
the same owners, modes, lists and refusals.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asking import Asking
from capabilities import UNPRIVILEGED_UID, needs
from mounting import Vaultfs
from ordinaryuser import OPEN_DEVICE, as_user, let_others_in
from programs import program, run_program
from starting import served
from support import wait_until

from vaultui.linux.credentials import Caller, acting_as

pytestmark = needs("fuse", "root")

ANNA = Caller(1234, 1234, (2000,))
BERT = Caller(1235, 1235)
ROOT = Caller(0, 0)

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
"""Tags of linux/posix_acl.h."""

Story = Callable[[Path], object]


def acl(*entries: tuple[int, ...]) -> bytes:
    """Return a list of (tag, permissions) or (tag, permissions, id) as an attribute holds it."""
    whole = ((*entry, 0xFFFFFFFF)[:3] for entry in entries)
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in whole)


ANNA_READS = acl((USER_OBJ, 6), (USER, 4, ANNA.uid), (GROUP_OBJ, 0), (MASK, 4), (OTHER, 0))
ANNA_MAY_ALL = acl((USER_OBJ, 7), (USER, 7, ANNA.uid), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 0))


@pytest.fixture(scope="module")
def volumes(
    tmp_path_factory: pytest.TempPathFactory, pristine: Path
) -> Iterator[Callable[..., Vaultfs]]:
    """Return what mounts a copy of a volume for others; all are unmounted in the end."""
    with contextlib.ExitStack() as stack:

        def mount(**fields: object) -> Vaultfs:
            volume = Vaultfs(tmp_path_factory.mktemp("shared"))
            shutil.copytree(pristine, volume.cipherdir)
            volume.mountpoint.mkdir()
            stack.enter_context(served(volume, allow_other=True, **fields))
            let_others_in(volume.mountpoint)
            volume.mountpoint.chmod(0o777)
            return volume

        yield mount


@pytest.fixture(scope="module")
def shared(volumes: Callable[..., Vaultfs]) -> Vaultfs:
    return volumes()


@pytest.fixture(scope="module")
def with_lists(volumes: Callable[..., Vaultfs]) -> Vaultfs:
    return volumes(acl=True)


@contextlib.contextmanager
def someone(caller: Caller, umask: int = 0o022) -> Iterator[None]:
    """Act as `caller`, as far as file systems see it."""
    before = os.umask(umask)
    try:
        with acting_as(caller):
            yield
    finally:
        os.umask(before)


def refused(step: Callable[[], object]) -> str:
    """Return the errno of what `step` raises by name, or "no"."""
    try:
        step()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "no"


def status(path: Path) -> tuple[str, int, int]:
    found = path.lstat()
    return stat.filemode(found.st_mode), found.st_uid, found.st_gid


def lists(path: Path) -> dict[str, bytes]:
    """Return the lists of a file, by name."""
    return {name: os.getxattr(path, name) for name in os.listxattr(path) if "posix_acl" in name}


def tree(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): (status(path), () if path.is_symlink() else lists(path))
        for path in sorted(folder.rglob("*"))
    }


def compare(story: Story, mounted: Vaultfs, tmp_path: Path) -> None:
    """Play a story on the file system below and in the mount, to the same end."""
    let_others_in(tmp_path)
    ends = []
    for place in (tmp_path, mounted.mountpoint):
        folder = place / story.__name__
        folder.mkdir()
        folder.chmod(0o777)
        ends.append((story(folder), tree(folder)))
    native, ours = ends
    assert ours == native


def newcomers(folder: Path) -> object:
    for caller, umask in ((ANNA, 0o022), (BERT, 0o077), (Caller(0, 2000), 0o027), (ROOT, 0)):
        own = folder / f"{caller.uid} {caller.gid}"
        with someone(caller, umask):
            own.mkdir()
            (own / "file").touch()
            (own / "link").symlink_to("file")
            (own / "second").hardlink_to(own / "file")
            (own / ("l" * 200)).touch()
            os.mkfifo(own / "pipe")
            (own / "closed").mkdir(0o555)
            (own / "file").write_bytes(b"x" * 5000)
    return None


def a_set_group_directory(folder: Path) -> object:
    team = folder / "team"
    team.mkdir()
    os.chown(team, 0, 2000)
    team.chmod(0o2770)
    with someone(ANNA):
        (team / "file").touch()
        (team / "below").mkdir()
        os.close(os.open(team / "wants it", os.O_CREAT | os.O_WRONLY, 0o2775))
    with someone(BERT):
        return refused((team / "no").touch), refused(lambda: os.listdir(team))


def permissions(folder: Path) -> object:
    with someone(ANNA):
        (folder / "hers").write_text("secret")
        (folder / "hers").chmod(0o600)
        (folder / "her folder").mkdir(0o700)
    with someone(BERT):
        return [
            refused(step)
            for step in (
                (folder / "hers").read_text,
                lambda: (folder / "hers").write_text("x"),
                lambda: (folder / "hers").chmod(0o666),
                lambda: os.chown(folder / "hers", BERT.uid, BERT.gid),
                lambda: os.listdir(folder / "her folder"),
                (folder / "her folder" / "file").touch,
                (folder / "his").touch,
                lambda: os.chown(folder / "his", ANNA.uid, -1),
                lambda: os.chown(folder / "his", -1, BERT.gid),
                lambda: os.setxattr(folder / "hers", "user.x", b"1"),
                lambda: os.mknod(folder / "device", stat.S_IFCHR, os.makedev(1, 3)),
            )
        ]


def in_a_sticky_directory(folder: Path) -> object:
    folder.chmod(0o1777)
    with someone(ANNA):
        (folder / "hers").touch()
        (folder / ("l" * 200)).touch()
    with someone(BERT):
        outcome = refused((folder / "hers").unlink)
    with someone(ANNA):
        return outcome, refused((folder / "hers").unlink), refused((folder / ("l" * 200)).unlink)


def attributes_that_the_kernel_asks_no_permission_for(folder: Path) -> object:
    file = folder / "roots"
    file.touch(0o600)
    with someone(ANNA):
        (folder / "hers").touch()
        return [
            refused(step)
            for name in ("system.x", "system.nfs4_acl")
            for path in (file, folder / "hers")
            for step in (
                functools.partial(os.setxattr, path, name, b"1"),
                functools.partial(os.getxattr, path, name),
                functools.partial(os.removexattr, path, name),
            )
        ]


@pytest.mark.parametrize(
    "story",
    [
        newcomers,
        a_set_group_directory,
        permissions,
        in_a_sticky_directory,
        attributes_that_the_kernel_asks_no_permission_for,
    ],
)
def test_users_meet_the_owners_and_refusals_of_the_file_system_below(
    story: Story, shared: Vaultfs, tmp_path: Path
) -> None:
    compare(story, shared, tmp_path)


def test_names_of_attributes_that_are_roots_alone_are_shown_to_root_alone(
    shared: Vaultfs,
) -> None:
    file = shared.mountpoint / "attributes"
    file.touch()
    for name in ("trusted.x", "system.x", "user.x"):
        os.setxattr(file, name, b"1")
    assert os.getxattr(file, "system.x") == b"1"
    assert sorted(os.listxattr(file)) == ["system.x", "trusted.x", "user.x"]
    with someone(ANNA):
        assert os.listxattr(file) == ["user.x"]


def listed_reader(folder: Path) -> object:
    """One user of a list may read, another may not, chmod moves the mask."""
    file = folder / "file"
    file.write_text("x")
    file.chmod(0o600)
    os.setxattr(file, ACCESS, ANNA_READS)
    seen: list[object] = []
    for mode in (None, 0o600, 0o660, 0o604):
        if mode is not None:
            file.chmod(mode)
        for caller in (ANNA, BERT):
            with someone(caller):
                seen += [refused(file.read_text), refused(lambda: file.write_text("y"))]
        seen.append((status(file), lists(file)))
    os.removexattr(file, ACCESS)
    with someone(ANNA):
        seen.append(refused(file.read_text))
    return seen


def a_default_list_wins_over_the_umask(folder: Path) -> object:
    team = folder / "team"
    team.mkdir(0o750)
    os.setxattr(team, ACCESS, ANNA_MAY_ALL)
    os.setxattr(team, DEFAULT, ANNA_MAY_ALL)
    for umask in (0, 0o022, 0o077):
        with someone(ROOT, umask):
            (team / f"file {umask}").touch()
            (team / f"folder {umask}").mkdir()
            (team / f"folder {umask}" / "deep").mkdir()
            os.mkfifo(team / f"pipe {umask}")
            (team / f"closed {umask}").mkdir(0o555)
    with someone(ANNA, 0o077):
        (team / "hers").touch()
        (team / "her folder").mkdir()
        (team / "folder 63" / "hers").write_text("x")
    with someone(BERT):
        return refused((team / "his").touch)


def a_default_list_that_grants_little(folder: Path) -> object:
    """Nothing that is made in it has more rights than the list leaves."""
    little = acl((USER_OBJ, 7), (USER, 5, ANNA.uid), (GROUP_OBJ, 5), (MASK, 5), (OTHER, 0))
    for name, entries in (("little", little), ("bare", acl((1, 7), (4, 5), (32, 0)))):
        below = folder / name
        below.mkdir()
        below.chmod(0o777)
        os.setxattr(below, DEFAULT, entries)
        with someone(ANNA):
            (below / "folder").mkdir(0o777)
            (below / "closed").mkdir(0o577)
            (below / "file").touch(0o666)
    return None


def without_a_default_list_the_umask_counts(folder: Path) -> object:
    for umask in (0, 0o027, 0o777):
        with someone(ANNA, umask):
            (folder / f"file {umask}").touch(0o777)
            (folder / f"folder {umask}").mkdir(0o777)
            os.mkfifo(folder / f"pipe {umask}")
    return None


def setting_a_list_takes_the_set_group_bit_from_strangers(folder: Path) -> object:
    entries = acl((USER_OBJ, 7), (USER, 7, BERT.uid), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 5))
    for group in (ANNA.gid, ANNA.groups[0], 4711):
        file = folder / str(group)
        file.touch()
        os.chown(file, ANNA.uid, group)
        file.chmod(0o2755)
        with someone(ANNA):
            os.setxattr(file, ACCESS, entries)
    root = folder / "root"
    root.touch()
    os.chown(root, ANNA.uid, 4711)
    root.chmod(0o2755)
    os.setxattr(root, ACCESS, entries)
    return None


def only_the_owner_sets_lists(folder: Path) -> object:
    with someone(ANNA):
        (folder / "hers").touch()
        os.setxattr(folder / "hers", ACCESS, ANNA_READS)
    with someone(BERT):
        return [
            refused(lambda: os.setxattr(folder / "hers", ACCESS, ANNA_MAY_ALL)),
            refused(lambda: os.removexattr(folder / "hers", ACCESS)),
            refused(lambda: os.setxattr(folder / "hers", DEFAULT, ANNA_MAY_ALL)),
        ]


def a_list_is_enough_to_enter_and_to_search(folder: Path) -> object:
    closed = folder / "closed"
    closed.mkdir()
    (closed / "file").write_text("x")
    closed.chmod(0o700)
    search = acl((USER_OBJ, 7), (USER, 1, ANNA.uid), (GROUP_OBJ, 0), (MASK, 1), (OTHER, 0))
    os.setxattr(closed, ACCESS, search)
    with someone(ANNA):
        hers = refused((closed / "file").read_text), refused(lambda: os.listdir(closed))
    with someone(BERT):
        return hers, refused((closed / "file").read_text)


@pytest.mark.parametrize(
    "story",
    [
        listed_reader,
        a_default_list_wins_over_the_umask,
        a_default_list_that_grants_little,
        without_a_default_list_the_umask_counts,
        setting_a_list_takes_the_set_group_bit_from_strangers,
        only_the_owner_sets_lists,
        a_list_is_enough_to_enter_and_to_search,
        newcomers,
        a_set_group_directory,
        permissions,
    ],
)
def test_lists_hold_as_on_the_file_system_below(
    story: Story, with_lists: Vaultfs, tmp_path: Path
) -> None:
    compare(story, with_lists, tmp_path)


def test_a_file_that_appears_behind_our_back_is_opened_only_for_whom_its_mode_allows(
    shared: Vaultfs,
) -> None:
    """The kernel believes that it makes a new file, and has asked nothing about this one."""
    folder = shared.mountpoint / "appearing"
    folder.mkdir()
    folder.chmod(0o777)
    before = set(shared.cipherdir.rglob("*"))
    paths = [folder / "hers", folder / "everybody's"]
    for path, mode in zip(paths, (0o600, 0o666), strict=True):
        with someone(ANNA):
            path.write_text("hello")
            path.chmod(mode)
    moves = [(path, shared.base / path.name) for path in set(shared.cipherdir.rglob("*")) - before]
    for cipher, away in moves:
        cipher.rename(away)
    wait_until(lambda: not any(path.exists() for path in paths))
    for cipher, away in moves:
        away.rename(cipher)
    with someone(BERT):
        assert [refused(path.touch) for path in paths] == ["EACCES", "no"]


def test_a_process_of_another_user_owns_what_it_makes_on_the_disk_too(shared: Vaultfs) -> None:
    folder = shared.mountpoint / "process"
    folder.mkdir()
    folder.chmod(0o777)
    before = set(shared.cipherdir.rglob("*"))
    script = 'umask 027; cd "$1" && mkdir d && echo hello > d/f && ln -s f d/l && cat d/l'
    done = subprocess.run(
        ("sh", "-c", script, "sh", folder),
        user=ANNA.uid,
        group=ANNA.gid,
        extra_groups=ANNA.groups,
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == b"hello\n"
    made = set(shared.cipherdir.rglob("*")) - before
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in made} == {(ANNA.uid, ANNA.gid)}
    assert status(folder / "d" / "f") == ("-rw-r-----", ANNA.uid, ANNA.gid)


def test_a_shared_mount_tells_of_itself_as_any_other(shared: Vaultfs) -> None:
    with someone(ANNA):
        (shared.mountpoint / "seen").touch()
    with Asking(shared.base / "ctl") as ask:
        assert ask.ours("StatusRequest")["operations"]["create"] > 0
        assert ask.path(EncryptPath="seen")["ErrNo"] == 0


BY_AN_ORDINARY_USER = """
set -e
"$1" -q -init -scryptn=10 -passfile "$4" "$2"
"$1" -acl -suid -dev -noexec -ko noatime -fsname a,b -passfile "$4" "$2" "$3"
grep -F " $3 " /proc/self/mountinfo
mkdir "$3/plain" "$3/listed"
"$5" -c "$6" "$3"
stat -c '%n %a' "$3"/*/*
fusermount3 -u "$3"
"""
MAKE_UNDER_A_LIST = f"""
import os, sys
os.chdir(sys.argv[1])
os.setxattr("listed", {DEFAULT!r}, {ANNA_MAY_ALL!r})
os.umask(0o077)
for folder in ("plain", "listed"):
    os.close(os.open(folder + "/file", os.O_CREAT | os.O_WRONLY, 0o666))
    os.mkdir(folder + "/folder")
"""


@needs("ordinary-user")
def test_an_ordinary_user_gets_all_that_only_root_may_not_give(tmp_path: Path) -> None:
    let_others_in(tmp_path)
    password, cipherdir, mountpoint = (tmp_path / part for part in ("pw", "cipher", "plain"))
    password.write_text("correct horse battery")
    for folder in (cipherdir, mountpoint):
        folder.mkdir()
        os.chown(folder, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    done = run_program(
        (
            *("unshare", "--mount", "sh", "-c", OPEN_DEVICE, "sh", tmp_path, *as_user()),
            *("sh", "-c", BY_AN_ORDINARY_USER, "sh"),
            *(program("vaultfs"), cipherdir, mountpoint, password),
            *(sys.executable, MAKE_UNDER_A_LIST),
        )
    ).check()
    words = done.stdout.decode()
    options = words.partition(" - ")[0].split("\n")[-1].split()[5]
    assert set(options.split(",")) == {"rw", "nosuid", "nodev", "noexec", "noatime"}
    assert " fuse.vaultfs a,b " in words
    assert f"{mountpoint}/plain/file 600\n{mountpoint}/plain/folder 700\n" in words
    assert f"{mountpoint}/listed/file 660\n{mountpoint}/listed/folder 770\n" in words
    assert "unsafe option suid ignored" in words
