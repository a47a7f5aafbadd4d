"""A program that an ordinary user runs: tasks in the directory it is given, as JSON on stdout."""

import asyncio
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from taskstarting import STRAY, TaskPlace

from vaultui.model.errors import VaultuiError
from vaultui.tasks.isolated import prepare
from vaultui.tasks.plan import Job
from vaultui.tasks.request import TaskRequest
from vaultui.tasks.stopping import stop
from vaultui.wire.tasks import SCRATCH_DIR, Driver, Limits


async def stopped(place: TaskPlace) -> dict[str, object]:
    """Run a task with sessions of its own, and stop it."""
    task = await place.run(code=STRAY)
    await place.lines(task, 3)
    everybody = place.processes(task)
    uids = {os.stat(f"/proc/{pid}").st_uid for pid in everybody}
    await stop(task.record)
    await place.until_gone(everybody)
    end = await task.wait()
    place.assert_nothing_is_left(task)
    assert end is not None
    return {"uids": list(uids), "signal": end.exit.signal, "stopped": end.stopped}


async def limited(place: TaskPlace) -> dict[str, object]:
    """Run a task with a limit, and tell how that went."""
    try:
        end = await place.end(sh="exit 5", limits=Limits(pids=10))
    except VaultuiError as error:
        left = os.listdir(place.top / "tasks")
        return {"code": error.code, "hint": error.hint, "left": left}
    return {"exit": end.exit.exit_code}


async def isolated(place: TaskPlace) -> dict[str, object]:
    """Run an isolated task, and tell how that went."""
    (place.top / "job" / SCRATCH_DIR).mkdir(parents=True)
    request = TaskRequest(("true",), Driver.ISOLATED)
    plan = prepare(Job("0" * 8, place.top / "job", "Work", str(place.top), request))
    spec = place.spec(*plan.argv, room=plan.room, attributes=plan.attributes)
    try:
        task = await place.launch(spec)
        await task.go()
        await task.wait()
    except VaultuiError as error:
        left = os.listdir(place.top / "tasks")
        return {"code": error.code, "text": str(error), "hint": error.hint, "left": left}
    return {"code": ""}


async def main(top: str, what: str) -> None:
    place = TaskPlace(Path(top))
    print(json.dumps(await WHAT[what](place)))
    await place.close()


WHAT = {"stopped": stopped, "limited": limited, "isolated": isolated}
asyncio.run(main(*sys.argv[1:]))
