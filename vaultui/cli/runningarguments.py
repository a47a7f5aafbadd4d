"""The command line of what runs against a vault: run, tasks."""

from __future__ import annotations

from vaultui.cli.automationarguments import add_scheduling
from vaultui.cli.verbparser import (
    Parser,
    Verbs,
    add_key_options,
    add_name,
    add_token_option,
    add_verb,
)
from vaultui.model.language import _

DRIVERS = ("command", "isolated", "oci", "engine")


def add_running(verbs: Verbs[Parser]) -> None:
    """Add the verbs that start tasks and look after them."""
    run = add_verb(
        verbs,
        "run",
        _("run a command against a vault, which is unlocked for that"),
        _(
            "The command goes behind `--`; without one, the saved task TASK is run. A vault that "
            "was locked is locked again at the end. Exit code: that of the command; 125 when it "
            "could not be started, 126 when it is not executable, 127 when it is not found, "
            "128 + n when signal n ended it."
        ),
        json=False,
    )
    run.usage = _("%(prog)s [OPTION …] NAME [TASK | -- COMMAND …]")
    add_name(run)
    run.add_argument("task", metavar="TASK", nargs="?", help=_("name of a saved task"))
    _add_task_options(
        run,
        _(
            "where it begins; otherwise in the current directory, and a saved task, or what is "
            "isolated or in a container, in the vault"
        ),
    )
    run.add_argument(
        "-d", "--detach", action="store_true", help=_("print its id, and leave it to itself")
    )
    run.add_argument("--mountpoint", metavar="DIR", help=_("open it at DIR this time"))
    add_key_options(run)
    add_token_option(run)
    _add_tasks(verbs)


def _add_tasks(verbs: Verbs[Parser]) -> None:
    tasks = add_verb(
        verbs,
        "tasks",
        _("list what runs and ran against vaults, follow it, stop it, save it"),
        _("Without an action they are listed. A task is named by its id, or how that begins."),
    )
    actions = tasks.add_subparsers(dest="action", metavar="ACTION", title="actions")
    listing = add_verb(actions, "list", _("list the tasks, and those that are saved"))
    listing.add_argument("name", metavar="NAME", nargs="?", help=_("of this vault alone"))
    for action, summary in (
        ("show", _("tell all that is known of a task")),
        ("follow", _("print what a task writes, until it ends; its exit code is ours")),
    ):
        _add_task(add_verb(actions, action, summary, json=action == "show"))
    output = add_verb(actions, "output", _("print what a task has written"), json=False)
    _add_task(output)
    output.add_argument("--errors", action="store_true", help=_("its standard error instead"))
    stop = add_verb(actions, "stop", _("end a task"))
    _add_task(stop)
    stop.add_argument("--grace", metavar="TIME", help=_("kill it after TIME, if it goes on: 10s"))
    stop.add_argument("--now", action="store_true", help=_("kill it without asking it first"))
    clear = add_verb(actions, "clear", _("forget ended tasks, and what they wrote"))
    clear.add_argument("name", metavar="NAME", nargs="?", help=_("of this vault alone"))
    save = add_verb(
        actions,
        "save",
        _("save a command under a name, for `vaultui run NAME TASK`"),
        _("It goes into the settings; what was saved under that name is replaced."),
    )
    save.usage = _("%(prog)s [OPTION …] NAME TASK -- COMMAND …")
    add_name(save)
    save.add_argument("task", metavar="TASK", help=_("what it is called"))
    _add_task_options(save, _("where it begins; otherwise in the vault"))
    add_scheduling(actions)
    remove = add_verb(actions, "remove", _("take a saved task out of the settings"))
    add_name(remove)
    remove.add_argument("task", metavar="TASK", help=_("name of a saved task"))


def _add_task(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help=_("id of the task, or how it begins"))


def _add_task_options(parser: Parser, workdir_help: str) -> None:
    """Say how a command is run. The destinations are the names that the settings have for them."""
    parser.add_argument("--driver", choices=DRIVERS, help=_("what runs it; command, if not given"))
    parser.add_argument("--private", action="store_true", help=_("nobody else sees the vault open"))
    parser.add_argument(
        "--read-only", action="store_true", help=_("open it without the right to write")
    )
    _add_texts(parser, "--env", "K=V", _("set a variable of its environment"))
    _add_texts(
        parser,
        "--limit",
        "LIMIT=VALUE",
        _("memory=512M, cpu=1.5, pids=100, files=1024:4096, time=10m; several with commas"),
    )
    parser.add_argument("--title", help=_("what it is called in lists"))
    parser.add_argument("--workdir", metavar="DIR", help=workdir_help)
    parser.add_argument(
        "-i", "--interactive", action="store_true", help=_("give it our standard input")
    )
    parser.add_argument(
        "-t",
        "--tty",
        dest="terminal",
        action="store_true",
        help=_("give it a terminal, as shells and editors need one"),
    )
    parser.add_argument(
        "--grace", metavar="TIME", help=_("what it gets to end before it is killed: 10s")
    )
    parser.add_argument("--user", metavar="USER", help=_("whom it runs as: name, or uid:gid"))
    parser.add_argument("--rootfs", metavar="DIR", help=_("directory with the system that it sees"))
    parser.add_argument("--image", help=_("image with the system that it sees"))
    parser.add_argument("--at", metavar="DIR", help=_("where it finds the vault"))
    _add_texts(parser, "--bind", "SRC:DST[:ro]", _("show it SRC at DST"))
    parser.add_argument("--network", help=_("none, host, or a network of the engine"))
    _add_texts(
        parser,
        "--namespace",
        "KIND=WHOSE",
        _("pid, network, ipc, uts or cgroup=host, private, PATH"),
    )
    _add_texts(parser, "--dns", "ADDRESS", _("server that it asks for names"))
    _add_texts(parser, "--dns-search", "DOMAIN", _("where it looks for short names"))
    _add_texts(parser, "--add-host", "HOST:ADDRESS", _("a host more that it knows"))
    _add_texts(parser, "--publish", "PORT:PORT", _("lead a port of ours to one of its own"))
    _add_texts(parser, "--label", "K=V", _("mark its container"))
    parser.add_argument("--hostname", help=_("what it takes for the name of the machine"))
    parser.add_argument(
        "--seccomp", metavar="FILE", help=_("profile of system calls: default, none, or a file")
    )
    parser.add_argument(
        "--privileged",
        action="store_true",
        help=_("with all rights there are, where the settings allow it"),
    )
    parser.add_argument("--runtime", help=_("OCI runtime: runc, crun, or a path"))


def _add_texts(parser: Parser, option: str, metavar: str, text: str) -> None:
    parser.add_argument(option, metavar=metavar, action="append", help=text)
