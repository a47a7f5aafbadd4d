"""Opening vaults: the dialog, the work behind it, and the way back from a mount that died."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.model.states import VaultState
from vaultui.tui.flows.flow import Flow
from vaultui.tui.jobs import Job, JobKind
from vaultui.tui.wording import place, shown, span
from vaultui.vaults import Key, Unlocked, UnlockOptions, VaultEntry, VaultStatus

_OPENABLE = frozenset({VaultState.LOCKED, VaultState.BROKEN})


class Unlocking(Flow):
    """Unlocks and repairs."""

    def ask(self, status: VaultStatus) -> None:
        """Open the dialog, which asks the keyring first.

        A vault that is open for the time of a task stays open after it instead.
        """
        from vaultui.tui.screens.unlock import UnlockScreen

        if status.detail is not None and status.detail.temporary:
            self.run(partial(self._keep_open, status.entry), "unlock")
        else:
            self.app.push_screen(UnlockScreen(status))

    async def _keep_open(self, entry: VaultEntry) -> None:
        await self.app.vaults.stay_open(entry.name, after_tasks=True)
        self.app.say(_("{name} stays open.", name=shown(entry.name)))

    def ask_for_several(self, statuses: Iterable[VaultStatus]) -> None:
        """Ask for one password, and try it on those of these vaults that are locked."""
        from vaultui.tui.screens.unlockseveral import UnlockSeveralScreen

        entries = [status.entry for status in statuses if status.state in _OPENABLE]
        if entries:
            self.app.push_screen(UnlockSeveralScreen(entries))
        else:
            self.app.say(_("None of the marked vaults is locked."))

    def start(self, entry: VaultEntry, key: Key, options: UnlockOptions, *, remember: bool) -> Job:
        """Unlock in the background; the job wipes the key at its end."""
        app = self.app

        async def work(job: Job) -> Unlocked:
            with key:
                unlocked = await app.vaults.unlock(
                    entry.name,
                    key,
                    options=options,
                    on_step=lambda _name, words: app.jobs.step(job, words),
                )
                if remember:
                    await self._remember(entry, key)
            self._say_open(unlocked)
            return unlocked

        return app.jobs.start(entry, JobKind.UNLOCK, work)

    async def _remember(self, entry: VaultEntry, key: Key) -> None:
        # The vault is open by now: a keyring that fails must not turn that into a failure.
        try:
            if key.key_file is not None and key.key_file != entry.key_file:
                self.app.vaults.listing.remember_key_file(entry.name, key.key_file)
            if not key.secret:
                return
            keyring = await self.app.vaults.keyring.save(entry.name, key.secret)
        except VaultuiError as error:
            self.warn(error)
        else:
            keyring_name = shown(keyring.label)
            self.app.say(_("The password is remembered in {keyring}.", keyring=keyring_name))

    def _say_open(self, unlocked: Unlocked) -> None:
        status = unlocked.status
        words = {
            "name": shown(status.entry.name),
            "place": place(status.mountpoint or status.entry.mountpoint),
        }
        if unlocked.already:
            self.app.say(_("{name} was open already, at {place}.", **words))
        elif status.detail is not None and status.detail.closes_at:
            at = time.strftime("%H:%M", time.localtime(status.detail.closes_at))
            self.app.say(
                _(
                    "{name} is open at {place}. It locks at {time}, whoever uses it.",
                    time=at,
                    **words,
                )
            )
        elif status.idle_timeout_s:
            self.app.say(
                _(
                    "{name} is open at {place}. It locks after {span} without use.",
                    span=span(status.idle_timeout_s),
                    **words,
                )
            )
        else:
            self.app.say(_("{name} is open at {place}. It stays open until it is locked.", **words))

    # -- mounts that died or hang -----------------------------------------------------------

    def repair(self, status: VaultStatus | None) -> None:
        """Detach a dead mount; one that hangs is not dead, and what can be done is offered.

        For a vault that is well this is a refresh.
        """
        if status is not None and status.state is VaultState.BROKEN:
            self.run(partial(self._repair, status), "repair")
        elif status is not None and status.state is VaultState.HUNG:
            self.app.flows.locking.show_holders(status.entry)
        else:
            self.app.live.frozen = False
            self.app.live.key_changes += 1
            self.run(self.app.live.refresh, "refresh")

    async def _repair(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.confirm import ConfirmScreen

        repaired = await self.app.vaults.repair(status.entry.name)
        name = shown(status.entry.name)
        text = _("The dead mount of {name} is gone. Unlock it again?", name=name)
        if status.explanation:
            text = f"{shown(_(status.explanation))} {text}"

        def answered(yes: bool | None) -> None:
            if yes:
                self.ask(repaired)

        self.app.push_screen(
            ConfirmScreen(_("{name} is repaired", name=name), text, yes=_("Unlock")), answered
        )
