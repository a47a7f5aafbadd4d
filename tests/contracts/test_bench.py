"""The benchmark's own arithmetic, and that what goes wrong in it is told and fails the run."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support import run_program

from tests.bench import __main__ as bench
from tests.bench import everyday, figures, growth, latency, peers, plots, report, streams, trees
from tests.bench.figures import Figures, geometric_mean, percentile, quartiles
from tests.bench.records import DONE, Finding, Heading, Measurement, Records
from tests.bench.workload import SOURCE, Place, Scale, Workload, WrongResult, chosen, verify

HEADING = Heading(
    "gocryptfs",
    "vaultfs",
    ["disk"],
    {"rounds": 2, "quick": False, "only": []},
    ["- Machine: a fast one"],
    "2026-01-01",
)
OPTIONS = argparse.Namespace(no_write=True, write=False)


def measured(
    workload: str, program: str, *seconds: float, group: str = "streams", **more: int
) -> list[Measurement]:
    return [
        Measurement(number, group, workload, program, each, **more)
        for number, each in enumerate(seconds)
    ]


@pytest.fixture
def kept(tmp_path: Path) -> Records:
    return Records.begin(tmp_path / "run.jsonl", HEADING)


def test_a_ratio_is_taken_within_a_round_and_their_median_is_reported() -> None:
    found = Figures(
        [
            *measured("write", "gocryptfs", 1.0, 10.0, 3.0),
            *measured("write", "vaultfs", 2.0, 2.0, 1.0),
        ],
        "gocryptfs",
    )
    assert found.ratios("write", "vaultfs") == [0.5, 5.0, 3.0]
    assert found.ratio("write", "vaultfs") == 3.0
    assert found.ratio("write", "disk") is None
    assert found.seconds("write", "gocryptfs") == 3.0


def test_a_round_that_one_of_the_two_lacks_does_not_count() -> None:
    failed = Measurement(1, "streams", "write", "vaultfs", failed="it is not so")
    found = Figures(
        [
            *measured("write", "gocryptfs", 1.0, 8.0, 3.0),
            *measured("write", "vaultfs", 2.0),
            failed,
            Measurement(2, "streams", "write", "vaultfs", 1.0),
        ],
        "gocryptfs",
    )
    assert found.ratios("write", "vaultfs") == [0.5, 3.0]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([2.0], (2.0, 2.0)), ([1.0, 2.0], (1.25, 1.75)), ([5.0, 1.0, 3.0, 2.0, 4.0], (2.0, 4.0))],
)
def test_quartiles(values: list[float], wanted: tuple[float, float]) -> None:
    assert quartiles(values) == wanted


def test_geometric_mean() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)
    assert geometric_mean([]) is None


def test_the_mean_is_that_of_workloads_and_not_of_rounds() -> None:
    found = Figures(
        [
            *measured("write", "gocryptfs", 4.0, 4.0, 4.0),
            *measured("write", "vaultfs", 1.0, 1.0, 1.0),
            *measured("read", "gocryptfs", 1.0, group="trees"),
            *measured("read", "vaultfs", 4.0, group="trees"),
        ],
        "gocryptfs",
    )
    assert found.mean("vaultfs") == pytest.approx(1.0)
    assert found.mean("vaultfs", "streams") == pytest.approx(4.0)
    assert found.slower("vaultfs") == ["read"]


def test_percentiles() -> None:
    values = [float(number) for number in range(1, 1001)]
    assert percentile(values, 50) == 500
    assert percentile(values, 99) == 990
    assert percentile(values, 100) == 1000
    assert percentile([7.0], 99) == 7.0


def test_processor_time_is_for_a_gigabyte() -> None:
    found = Figures(
        [Measurement(0, "streams", "write", "vaultfs", 1.0, 0.5, 250_000_000)], "gocryptfs"
    )
    assert found.cpu_s_per_gb("write", "vaultfs") == 2.0


def test_records_are_read_back_and_a_line_that_was_cut_off_is_left_out(kept: Records) -> None:
    for measurement in measured("write", "vaultfs", 1.0, 2.0):
        kept.add(measurement)
    kept.find(Finding("entries", "listing", 10, "vaultfs", 5.0, "µs"))
    whole = kept.path.read_text()
    kept.path.write_text(whole + '["measurement", {"round": 2, "gro')
    again = Records.read(kept.path)
    assert again == kept
    again.go_on()
    assert kept.path.read_text() == whole
    assert again.has(1, "write", "vaultfs")
    assert not again.has(2, "write", "vaultfs")


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(json.dumps(["measurement", {}]) + "\n")
    with pytest.raises(ValueError, match="no record of a run"):
        Records.read(path)


def test_a_failed_workload_fails_the_run_with_its_sentence(
    kept: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.add(Measurement(0, "streams", "write", "gocryptfs", 1.0))
    assert bench._report(kept, OPTIONS) == 0
    kept.add(Measurement(0, "streams", "write", "vaultfs", failed="a page is not what was written"))
    assert bench._report(kept, OPTIONS) == 1
    told = capsys.readouterr()
    sentence = "write, vaultfs, round 1: a page is not what was written"
    assert f"failed: {sentence}" in told.err
    assert f"- {sentence}" in told.out


def test_what_failed_and_was_done_again_when_the_run_went_on_is_no_failure(kept: Records) -> None:
    kept.add(Measurement(0, "streams", "write", "vaultfs", failed="the disk was full"))
    kept.add(Measurement(0, "streams", "write", "vaultfs", 1.0))
    kept.find(Finding("entries", "", 0, "vaultfs", 0, "", failed="the disk was full"))
    assert kept.failures() == ["entries, vaultfs, round 1: the disk was full"]
    kept.find(Finding("entries", DONE, 0, "vaultfs", 0, ""))
    assert kept.failures() == []


class _Odd(Workload):
    group, name = "streams", "an odd one"

    def prepare(self, place: Place) -> None:
        pass

    def run(self, place: Place) -> float:
        return 1.0

    def check(self, place: Place) -> None:
        verify(False, "two and two are five")


def test_a_workload_whose_result_is_wrong_has_no_time_and_the_rest_is_measured(
    tmp_path: Path, kept: Records
) -> None:
    class Fine(_Odd):
        name = "a fine one"

        def check(self, place: Place) -> None:
            pass

    place = Place.__new__(Place)
    place.volume, place.program, place.peak_kib = peers.Disk(tmp_path), "disk", 0
    place.there = {}

    class Places(bench._Places):
        def __getitem__(self, program: str) -> Place:
            return place

    places = Places(tmp_path, Scale(), None)  # type: ignore[arg-type]
    for workload in (_Odd(), Fine()):
        bench._measure(kept, workload, places, "disk", 0)
    assert kept.failures() == ["an odd one, disk, round 1: it is not so that two and two are five"]
    assert kept.has(0, "a fine one", "disk")


def test_no_two_workloads_have_the_same_name() -> None:
    scale = Scale()
    names = [
        work.name
        for work in (
            *streams.workloads(scale),
            *trees.workloads(scale),
            *everyday.workloads(scale),
            *growth.studies(False),
            *latency.studies(False),
        )
    ]
    assert len(names) == len(set(names))
    assert len(names) > 70


def test_words_choose_workloads_without_regard_to_spaces() -> None:
    all_of_them = list(streams.workloads(Scale()))
    found = chosen(all_of_them, ["random,4KiB,4jobs,direct"])
    assert [workload.name for workload in found] == [
        "random read, 4 KiB, 4 jobs, direct",
        "random write, 4 KiB, 4 jobs, direct",
    ]
    assert chosen(all_of_them, None) == all_of_them
    assert chosen(all_of_them, ["nonsense"]) == []


def test_a_program_that_is_not_there_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(peers.UnknownProgram, match="'nonsense' is no program"):
        peers.maker("nonsense")
    assert peers.installed(["disk", "/nowhere/gocryptfs"]) == ["disk"]
    assert "is left out" in capsys.readouterr().out


def test_another_build_is_named_after_its_folder() -> None:
    assert report.named("/opt/gocryptfs-2.6.1/usr/bin/gocryptfs") == "gocryptfs-2.6.1"
    assert report.named("/usr/bin/gocryptfs") == "gocryptfs"
    assert report.named("vaultfs") == "vaultfs"


def _filled(kept: Records) -> Records:
    for measurement in (
        *measured("write", "gocryptfs", 1.0, 1.0, moved=10**9, peak_kib=50 << 10),
        *measured("write", "vaultfs", 0.5, 0.25, moved=10**9, peak_kib=70 << 10),
        *measured("write", "disk", 0.1, 0.1),
        *measured("git <status>", "gocryptfs", 1.0, group="everyday"),
        *measured("git <status>", "vaultfs", 2.0, group="everyday"),
    ):
        kept.add(measurement)
    for program, value in (("gocryptfs", 20.0), ("vaultfs", 10.0)):
        for at in (10, 1000):
            kept.find(Finding("entries of a directory", "making", at, program, value, "µs"))
            kept.find(Finding("clients at once", "reads", at, program, value, "/s"))
        for percent in report.PERCENTILES:
            kept.find(Finding("while nothing else is done", "ls", percent, program, value, "ms"))
    return kept


def test_the_tables_have_what_was_measured(kept: Records) -> None:
    text = report.text(_filled(kept))
    assert "| write | 1.000 s | 0.375 s | **3.00** | 2.50 to 3.50 | 0.0 s | 0.0 s |" in text
    assert "| git <status> | 1.000 s | 2.000 s | **0.50** | 0.50 to 0.50 |" in text
    assert "| geometric mean of all ratios | 1 | **1.22** | at least 2 |" in text
    assert "| workloads that are slower | | **1 of 2** | 0 |" in text
    assert "| largest memory | 50 MiB | **70 MiB** | at most 90 MiB |" in text
    assert "| write | 3.00 | 10.00 |" in text
    assert "| making | 10 | 20.0 µs | 10.0 µs | 2.00 |" in text
    assert "| reads | 1 000 | 20.0 /s | 10.0 /s | 0.50 |" in text
    latency_row = "| while nothing else is done | ls | vaultfs | 10.0 ms | 10.0 ms | 10.0 ms |"
    assert latency_row in text


def test_every_picture_is_well_formed(kept: Records, tmp_path: Path) -> None:
    folder = tmp_path / "plots"
    plots.write(_filled(kept), folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("ratios.svg", "means.svg"),
        *("entries-of-a-directory.svg", "clients-at-once.svg"),
    }
    for name in names:
        ET.fromstring((folder / name).read_text())
        assert "nan" not in (folder / name).read_text()


@pytest.fixture(scope="module")
def iowork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("iowork") / "iowork"
    subprocess.run(("cc", "-O1", "-Wall", "-Werror", "-o", program, SOURCE), check=True)
    return program


@pytest.mark.parametrize("order", [[], ["-r"]])
@pytest.mark.parametrize("block", ["4096", "131072", "1048576"])
def test_what_is_written_is_checked_by_file_place_and_version(
    tmp_path: Path, iowork: Path, order: list[str], block: str
) -> None:
    files = [tmp_path / "0", tmp_path / "1"]
    size = ("-s", str(4 << 20))
    some = (*order, "-b", block, "-n", "3", *size, "-v", "2")

    def run(word: str, *words: str | Path) -> int:
        return run_program((iowork, word, *words)).returncode

    assert run("fill", *size, *files) == 0
    assert run("check", *size, *files) == 0
    assert run("read", *order, "-b", block, "-n", "3", *size, *files) == 0
    assert run("check", *some, *files) == 1  # not written yet
    assert run("write", *some, *files) == 0
    assert run("check", *some, *files) == 0
    assert run("check", *some, *reversed(files)) == 1
    with files[1].open("r+b") as file:
        file.seek(1_234_567)
        file.write(b"?")
    assert run("check", *some, *files) == 1
    files[1].write_bytes(files[1].read_bytes()[:-1])
    assert run("check", *some, *files) == 1


def test_a_page_from_elsewhere_is_seen_while_reading(tmp_path: Path, iowork: Path) -> None:
    path = tmp_path / "0"
    words = ("-b", "4096", "-n", "16", "-s", "65536", path)
    run_program((iowork, "fill", *words)).check()
    content = path.read_bytes()
    path.write_bytes(content[4096:8192] + content[4096:])
    done = run_program((iowork, "read", *words)).check(1)
    assert "the page at 0 is not what was written" in done.text


def test_wrong_results_are_sentences() -> None:
    with pytest.raises(WrongResult, match="it is not so that all was read"):
        verify(False, "all was read")
    assert figures.median([]) is None
