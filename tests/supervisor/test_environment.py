"""A backend inherits the variables that are listed, and no others."""

from vaultui.supervisor.environment import backend_environment


def test_what_steers_an_interpreter_or_may_be_a_secret_stays_outside() -> None:
    given = {
        "PATH": "/bin",
        "HOME": "/home/u",
        "LC_ALL": "C",
        "XDG_RUNTIME_DIR": "/run/user/1",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1/bus",
        "LD_PRELOAD": "/tmp/evil.so",
        "LD_LIBRARY_PATH": "/tmp",
        "PYTHONPATH": "/tmp",
        "PYTHONSTARTUP": "/tmp/x.py",
        "VAULT_PASSWORD": "hunter2",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
    }
    kept = {"PATH", "HOME", "LC_ALL", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"}
    assert set(backend_environment(given)) == kept


def test_there_is_always_a_path_to_find_helpers_on() -> None:
    assert backend_environment({})["PATH"]
