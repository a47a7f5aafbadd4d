"""The ledgers of the drills find what is wrong, and allow what may be."""

from __future__ import annotations

from tests.drills.durableledger import DurableLedger
from tests.drills.ledger import (
    BLOCK,
    DIRECTORY,
    Change,
    Content,
    Found,
    FoundFile,
    Ledger,
    moved,
)

OLD, NEW = b"o" * BLOCK, b"n" * BLOCK


def ledger_of(kind: type[Ledger] = Ledger) -> Ledger:
    ledger = kind()
    ledger.tree = {"dir": DIRECTORY, "dir/file": Content(OLD * 3)}
    return ledger


def found(*blocks: bytes | None, path: str = "dir/file") -> Found:
    return {"dir": DIRECTORY, path: FoundFile(7, len(blocks) * BLOCK, list(blocks))}


def write_middle(ledger: Ledger) -> None:
    def apply(tree: dict[str, object]) -> None:
        content = tree["dir/file"]
        assert isinstance(content, Content)
        content.write(BLOCK, NEW)

    ledger.begin(Change("writing", apply, {"dir/file": range(1, 2)}))


def rename(ledger: Ledger) -> None:
    change = Change(
        "renaming", lambda tree: moved(tree, "dir/file", "dir/new"), moves=("dir/file", "dir/new")
    )
    ledger.begin(change)


def test_what_is_as_it_was_acknowledged_is_right() -> None:
    assert ledger_of().differences(found(OLD, OLD, OLD)) == ([], 0)


def test_a_lost_name_a_wrong_block_and_a_short_file_are_found() -> None:
    ledger = ledger_of()
    assert ledger.differences({"dir": DIRECTORY})[0] == ["'dir/file', a file, is not there"]
    assert ledger.differences(found(OLD, NEW, OLD))[0] == ["'dir/file': block 1 is wrong"]
    assert ledger.differences(found(OLD, None, OLD))[0] == ["'dir/file': block 1 is unreadable"]
    assert len(ledger.differences(found(OLD, OLD))[0]) == 2


def test_a_block_that_was_being_written_is_old_or_new_or_unreadable() -> None:
    ledger = ledger_of()
    write_middle(ledger)
    assert ledger.differences(found(OLD, OLD, OLD)) == ([], 0)
    assert ledger.differences(found(OLD, NEW, OLD)) == ([], 0)
    assert ledger.differences(found(OLD, None, OLD)) == ([], 1)
    assert len(ledger.differences(found(OLD, b"x" * BLOCK, OLD))[0]) == 1
    assert len(ledger.differences(found(OLD, NEW, None))[0]) == 1
    ledger.done()
    assert len(ledger.differences(found(OLD, OLD, OLD))[0]) == 1


def test_a_rename_that_was_not_answered_has_happened_or_not_but_not_by_half() -> None:
    ledger = ledger_of()
    rename(ledger)
    assert ledger.differences(found(OLD, OLD, OLD))[0] == []
    assert ledger.differences(found(OLD, OLD, OLD, path="dir/new"))[0] == []
    assert ledger.differences({"dir": DIRECTORY})[0] != []
    both = found(OLD, OLD, OLD) | found(OLD, OLD, OLD, path="dir/new")
    assert ledger.differences(both)[0] != []


def synced() -> DurableLedger:
    ledger = ledger_of(DurableLedger)
    assert isinstance(ledger, DurableLedger)
    ledger.begin(Change("fsync", lambda _tree: None, syncs="dir/file"))
    ledger.done()
    return ledger


def test_nothing_is_promised_before_a_sync() -> None:
    ledger = ledger_of(DurableLedger)
    assert isinstance(ledger, DurableLedger)
    assert ledger.losses({}) == []


def test_what_was_synced_must_be_there_whole() -> None:
    ledger = synced()
    assert ledger.losses(found(OLD, OLD, OLD)) == []
    assert len(ledger.losses({})) == len(["dir", "dir/file"])
    for blocks, wrong in ((OLD, None, OLD), [1]), ((OLD, OLD), [2]):
        (loss,) = ledger.losses(found(*blocks))
        assert loss.startswith("'dir/file' is not as it was synced")
        assert loss.endswith(f"wrong in {wrong}")


def test_only_blocks_that_were_written_after_the_sync_may_be_anything() -> None:
    ledger = synced()
    write_middle(ledger)
    assert ledger.losses(found(OLD, None, OLD)) == []
    assert len(ledger.losses(found(OLD, None, NEW))) == 1


def test_what_was_renamed_after_the_sync_is_under_one_of_its_names() -> None:
    ledger = synced()
    rename(ledger)
    ledger.done()
    assert ledger.losses(found(OLD, OLD, OLD)) == []
    assert ledger.losses(found(OLD, OLD, OLD, path="dir/new")) == []
    assert ledger.losses({"dir": DIRECTORY}) == [
        f"'dir/file' or 'dir/new' was synced and is not there: {3 * BLOCK} bytes; there are none"
    ]
