"""What happened to a vault by itself, or by somebody else: said once, when it is seen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from vaultui.model.errors import VaultuiError
from vaultui.model.ids import VaultId
from vaultui.model.language import N_, _
from vaultui.model.states import VaultState
from vaultui.tui.flows.flow import Flow
from vaultui.tui.live import is_near
from vaultui.tui.wording import shown, span
from vaultui.vaults import EventKind, VaultStatus

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

_LOCKED: Final = {
    "": N_("{name} has been locked."),
    "request": N_("{name} has been locked from elsewhere."),
    "idle": N_("{name} has been locked: nobody used it."),
    "sleep": N_("{name} was locked before the machine slept."),
    "screen": N_("{name} has been locked with the screen."),
    "logout": N_("{name} was locked at a logout."),
    "time": N_("{name} has been locked: its time was over."),
    "task": N_("{name} has been locked after its last task."),
    "unmounted": N_("{name} has been unmounted, and is locked."),
}
"""By the reason that its backend had."""
_EVENTS: Final = {
    (EventKind.STAYS_OPEN, "sleep"): N_("{name} stayed open while the machine slept: it was used."),
    (EventKind.STAYS_OPEN, "screen"): N_("{name} stays open behind the locked screen: it is used."),
    (EventKind.STAYS_OPEN, "logout"): N_("{name} stays open over the logout: it is used."),
    (EventKind.HOLDERS_ENDED, ""): N_("{detail} ended, so that {name} could be locked."),
    (EventKind.CORRUPT_CONTENT, ""): N_("{name} has damage in {path}; locked, V checks it all."),
    (EventKind.CORRUPT_NAME, ""): N_("{name} has a damaged name, {path}; locked, V checks it all."),
    (EventKind.CORRUPT_METADATA, ""): N_("{name} has damage at {path}; locked, V checks it all."),
    (EventKind.TIME_WARNING, ""): N_("{name} locks in {detail}, whoever uses it then."),
    (EventKind.HOOK_FAILED, ""): N_("{name}: {detail}"),
    (EventKind.STORAGE_FULL, ""): N_("The storage of {name} is full."),
    (EventKind.INTERNAL_ERROR, ""): N_("Something went wrong in {name}; 6 shows its log."),
}
"""What a backend notes and its vault goes on, by the kind and, where that matters, the detail."""


class Noticing(Flow):
    """Compares the states with those before. What this application does itself, it says itself."""

    def __init__(self, app: VaultuiApp) -> None:
        super().__init__(app)
        self._before: dict[VaultId, VaultStatus] | None = None
        self._ours: set[VaultId] = set()
        self._hung: set[VaultId] = set()
        """Those that hang, and of which that was said."""

    def ours(self, vault: VaultId) -> None:
        """Take note that whatever becomes of a vault next was done from here."""
        self._ours.add(vault)

    def look(self, statuses: Sequence[VaultStatus]) -> None:
        """Say what is new in `statuses`, fresh ones; the first are only taken note of."""
        before, self._before = self._before, {status.entry.id: status for status in statuses}
        ours, self._ours = self._ours, set()
        if before is None:
            return
        for status in statuses:
            earlier = before.get(status.entry.id)
            if earlier is not None and status.entry.id not in ours:
                self._compare(earlier, status)

    def _compare(self, before: VaultStatus, now: VaultStatus) -> None:
        name = shown(now.entry.name)
        if is_near(now) and not is_near(before):
            left = span(now.idle_left_s or 0)
            self._say(_("{name} locks in {span}; E puts it off.", name=name, span=left), "warning")
        self._note_events(before, now)
        why = _(now.explanation)
        if before.state is now.state is VaultState.HUNG and now.entry.id not in self._hung:
            # Not at the first look: a backend that is just ending does not answer either.
            self._hung.add(now.entry.id)
            self._say(_("{name} does not answer. {why}", name=name, why=shown(why)), "error")
        if now.state is before.state:
            return
        self._hung.discard(now.entry.id)
        match before.state, now.state:
            case VaultState.OPEN, VaultState.BUSY:
                self._say(_("{name} stays open. {why}", name=name, why=shown(why)), "warning")
            case _, VaultState.BROKEN:
                self._say(_("{name} is broken; R repairs it. {why}", name=name, why=shown(why)),
                          "error")  # fmt: skip
            case ((VaultState.OPEN | VaultState.BUSY), VaultState.LOCKED):
                self.app.background(partial(self._tell_locked, before), group="locked")

    def _note_events(self, before: VaultStatus, now: VaultStatus) -> None:
        """Have the backend asked for its events, where there are new ones."""
        old, new = before.detail, now.detail
        if old is None or new is None or old.pid != new.pid or new.last_event <= old.last_event:
            return
        self.app.background(partial(self._tell_events, now, old.last_event), group="events")

    async def _tell_events(self, status: VaultStatus, since: int) -> None:
        """Say what a backend has noted that a person should know; of many alike, the first."""
        try:
            events = (await self.app.vaults.events(status.entry.name, since)).events
        except VaultuiError:
            return  # it has ended meanwhile, and that is told
        told = set()
        for event in events:
            words = _EVENTS.get((event.kind, event.detail)) or _EVENTS.get((event.kind, ""))
            if words and event.kind not in told:
                told.add(event.kind)
                path, detail = shown(event.path), shown(event.detail)
                name = shown(status.entry.name)
                self._say(_(words, name=name, path=path, detail=detail), "warning")

    async def _tell_locked(self, before: VaultStatus) -> None:
        """Say why it was locked, which its backend has written down before it ended."""
        name, opened_at = before.entry.name, int(before.opened_at or 0)
        moments = await self.app.vaults.logbook.timeline(name)
        reasons = [
            moment.detail
            for moment in moments
            if moment.kind is EventKind.LOCKED and moment.at >= opened_at
        ]
        words = _LOCKED.get(reasons[-1] if reasons else "", _LOCKED[""])
        self._say(_(words, name=shown(name)), "information")

    def _say(self, text: str, severity: Literal["information", "warning", "error"]) -> None:
        self.app.say(text.strip(), severity=severity)
