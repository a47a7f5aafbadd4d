"""A record behaves as the frozen dataclass that it stands for."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from vaultui.model.records import record


@record(frozen=True)
class AsRecord:
    name: str
    words: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    note: str = field(default="", compare=False)
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AsDataclass:
    name: str
    words: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    note: str = field(default="", compare=False)
    extra: dict[str, str] = field(default_factory=dict)


@record(frozen=True)
class Empty:
    pass


@record(frozen=True)
class Shouted:
    """It has a method of its own."""

    name: str

    def __repr__(self) -> str:
        return self.name.upper()


@pytest.fixture(params=[AsRecord, AsDataclass])
def cls(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_it_is_made_from_positions_names_and_defaults(cls: Any) -> None:
    made = cls("a", words=("b",))
    assert (made.name, made.words, made.secret, made.extra) == ("a", ("b",), "", {})
    assert cls("a").extra is not cls("a").extra


def test_a_field_that_is_missing_or_unknown_is_refused(cls: Any) -> None:
    with pytest.raises(TypeError, match="name"):
        cls()
    with pytest.raises(TypeError, match="unknown"):
        cls("a", unknown=1)


def test_its_representation_leaves_out_what_is_hidden(cls: Any) -> None:
    shown = repr(cls("a", secret="s3cret"))
    assert shown == f"{cls.__name__}(name='a', words=(), note='', extra={{}})"


def test_it_equals_by_class_and_by_what_counts(cls: Any) -> None:
    assert cls("a", note="1") == cls("a", note="2")
    assert cls("a") != cls("b")
    assert cls("a") != "a"
    assert AsRecord("a") != AsDataclass("a")


def test_it_has_a_hash_where_its_fields_have_one(cls: Any) -> None:
    with pytest.raises(TypeError):
        hash(cls("a"))  # a dictionary has none
    assert hash(Shouted("a")) == hash(Shouted("a"))
    assert len({Empty(), Empty()}) == 1


def test_it_cant_be_changed(cls: Any) -> None:
    made = cls("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del made.name
    assert made.name == "a"


def test_it_is_a_dataclass_to_everybody_else(cls: Any) -> None:
    made = dataclasses.replace(cls("a"), name="b")
    assert dataclasses.asdict(made)["name"] == "b"
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made
    match made:
        case AsRecord(name, words) | AsDataclass(name, words):
            assert (name, words) == ("b", ())
    assert list(inspect.signature(cls).parameters) == [f.name for f in dataclasses.fields(cls)]


def test_a_method_of_its_own_stays() -> None:
    assert repr(Shouted("a")) == "A"


def test_the_first_ones_may_be_made_by_several_threads() -> None:
    for _ in range(50):

        @record(frozen=True)
        class Fresh:
            name: str
            number: int = 7

        together = threading.Barrier(4)
        made: list[Fresh] = []

        def make(cls: type[Fresh], start: threading.Barrier, made: list[Fresh]) -> None:
            start.wait()
            made.append(cls("a"))

        given = (Fresh, together, made)
        threads = [threading.Thread(target=make, args=given) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [Fresh("a", 7)] * 4
