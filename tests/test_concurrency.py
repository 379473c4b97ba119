"""Many processes and threads on one file: the same bytes for all, and one copy of them.

``make concurrency`` tries every way to start processes with every number of workers; here
is what tells most, and test_dataset.py has two workers of each way.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import multiprocessing
import operator
import re
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.utils.data import DataLoader

from bgb_fixtures import fixture as loader
from bgb_fixtures.dataset import FixtureDataset
from bgb_fixtures.errors import FixtureError, IntegrityError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.format import map as mapping
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.synchronize import Barrier

    from bgb_fixtures.format.content import Content

N_THREADS = 16
pytestmark = [
    # Python 3.12 warns whenever a process with threads forks; this one has torch's.
    pytest.mark.filterwarnings(
        "ignore:This process .* is multi-threaded:DeprecationWarning"
    ),
    # More workers than cores are meant.
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]
needs_smaps = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc/self/smaps_rollup"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Copy tiny to a file of this test's own."""
    return Path(shutil.copy(load_fixture("tiny").path, tmp_path / "own.h5"))


@pytest.fixture
def proved(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """Begin with no file known, and let young files be remembered too."""
    known: dict[Any, Any] = {}
    monkeypatch.setattr(loader, "_proved", known)
    monkeypatch.setattr(loader, "_SETTLED_S", -3600.0)
    return known


def digest_of(fixture: Fixture) -> str:
    digest = hashlib.sha256(fixture.signals.tobytes())
    digest.update(fixture.labels.tobytes())
    digest.update(repr(fixture.windows).encode())
    return digest.hexdigest()


def digest_of_batches(batches: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for signals, labels in batches:
        digest.update(signals.numpy().tobytes() + labels.numpy().tobytes())
    return digest.hexdigest()


def in_threads(work: Callable[[], Any], n: int = N_THREADS) -> list[Any]:
    """Let n threads do the same at the same moment; return what each gave or raised."""
    start = threading.Barrier(n)

    def run(_: int) -> Any:
        start.wait()
        try:
            return work()
        except FixtureError as error:
            return error

    interval = sys.getswitchinterval()
    # Thousands of switches where there would be a few.
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(n) as pool:
            return list(pool.map(run, range(n)))
    finally:
        sys.setswitchinterval(interval)


# tiny has five windows: eight workers are more than that.
@pytest.mark.parametrize("n_workers", [0, 1, 4, 8])
def test_any_number_of_workers_gives_the_same_bytes_in_every_epoch(
    n_workers: int,
) -> None:
    dataset = FixtureDataset("tiny")
    data = DataLoader(
        dataset,
        num_workers=n_workers,
        multiprocessing_context="fork" if n_workers else None,
        persistent_workers=n_workers > 0,
    )
    expected = digest_of_batches(dataset[i] for i in range(5))
    assert [digest_of_batches(data) for _ in range(3)] == [expected] * 3


def test_new_interpreters_that_persist_give_the_same_bytes_in_every_epoch() -> None:
    dataset = FixtureDataset(load_fixture("tiny").take([3]))
    data = DataLoader(
        dataset, num_workers=2, multiprocessing_context="spawn", persistent_workers=True
    )
    expected = digest_of_batches([dataset[0]])
    assert [digest_of_batches(data) for _ in range(2)] == [expected] * 2


def test_fixture_goes_through_a_queue_to_an_interpreter_and_back() -> None:
    fixture = load_fixture("tiny")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        there = pool.map(operator.attrgetter("signals"), [fixture] * 4, chunksize=1)
        back = pool.apply(operator.methodcaller("take", [4, 0]), (fixture,))
    assert {array.tobytes() for array in there} == {fixture.signals.tobytes()}
    assert digest_of(back) == digest_of(fixture.take([4, 0]))


def test_what_a_forked_process_writes_no_other_sees(path: Path) -> None:
    fixture = load_fixture(path)
    before = digest_of(fixture)
    context = multiprocessing.get_context("fork")
    digests = context.SimpleQueue()

    def overwrite() -> None:
        fixture.signals[:] = 7
        fixture.labels[:] = 1
        digests.put(digest_of(fixture))

    def look() -> None:
        digests.put(digest_of(fixture))

    for target in (overwrite, look):
        process = context.Process(target=target)
        process.start()
        process.join()
    overwritten, seen = digests.get(), digests.get()
    assert overwritten != before
    assert seen == digest_of(fixture) == digest_of(load_fixture(path)) == before


def memory_kb(table: str, *keys: str) -> int:
    """Sum lines such as ``Private_Dirty:   12 kB``."""
    found = re.findall(rf"^(?:{'|'.join(keys)}): +(\d+) kB$", table, re.MULTILINE)
    return sum(map(int, found))


def private_dirty_kb() -> int:
    return memory_kb(Path("/proc/self/smaps_rollup").read_text(), "Private_Dirty")


def maps_of(path: Path) -> str:
    """Return the part of /proc/self/smaps that is about one file."""
    # One block per map: a line with addresses and the path, then its figures.
    blocks = Path("/proc/self/smaps").read_text().split("VmFlags:")
    return "\n".join(block for block in blocks if f" {path.resolve()}\n" in block)


@needs_smaps
@pytest.mark.parametrize("inherited", [True, False], ids=["forked", "opened"])
def test_workers_share_the_memory_of_the_file(inherited: bool) -> None:
    fixture = load_fixture()
    size_kb = fixture.path.stat().st_size / 1024
    context = multiprocessing.get_context("fork")
    results, together = context.Queue(), context.Barrier(4)

    def read_all(together: Barrier) -> None:
        before = private_dirty_kb()
        own = fixture if inherited else load_fixture(fixture.path)
        for window, labels in zip(own.signals, own.labels, strict=True):
            window.sum()
            labels.sum()
        # Until all have read, a page might look private.
        together.wait(20)
        # Before the table, which is a long text where much is mapped.
        grown = private_dirty_kb() - before
        table = maps_of(fixture.path)
        figures = {
            "mapped": memory_kb(table, "Rss"),
            "shared": memory_kb(table, "Shared_Clean", "Shared_Dirty"),
            "private": memory_kb(table, "Private_Dirty"),
            "grown": grown,
        }
        together.wait(20)
        results.put(figures)

    workers = [context.Process(target=read_all, args=(together,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for figures in [results.get(timeout=30) for _ in workers]:
        assert figures["mapped"] > 0.9 * size_kb
        assert figures["shared"] > 0.9 * figures["mapped"]
        assert figures["private"] == 0
        # The interpreter's own: reference counts, and what coverage notes down.
        assert figures["grown"] < 0.6 * size_kb
    for worker in workers:
        worker.join()


@pytest.mark.usefixtures("proved")
def test_threads_that_open_read_and_close_get_the_same_and_leave_nothing(
    path: Path,
) -> None:
    def rounds() -> set[str]:
        digests = set()
        for mode in ("mmap", "copy", "mmap") * 3:
            with load_fixture(path, mode=mode) as fixture:
                digests.add(digest_of(fixture))
        return digests

    expected = {digest_of(load_fixture("tiny"))}
    assert in_threads(rounds) == [expected] * N_THREADS
    gc.collect()
    assert maps_of(path) == ""


@pytest.mark.usefixtures("proved")
def test_first_load_in_many_threads_is_proved_and_remembered(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    check = mapping.check_digests

    def slow_check(*args: Any, **kwargs: Any) -> None:
        checked.append(threading.get_ident())
        time.sleep(0.02)
        check(*args, **kwargs)

    monkeypatch.setattr(loader, "check_digests", slow_check)
    digests = in_threads(lambda: digest_of(load_fixture(path)))
    assert set(digests) == {digest_of(load_fixture("tiny"))}
    n_checks = len(checked)
    assert n_checks >= 1
    in_threads(lambda: load_fixture(path))
    assert len(checked) == n_checks


def test_no_thread_is_shown_a_bad_file_while_another_checks_it(
    path: Path, proved: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = load_fixture(path).index
    proved.clear()
    data = bytearray(path.read_bytes())
    data[index.arrays["labels"].offset + 5] ^= 1
    path.write_bytes(data)
    check = mapping.check_digests

    def slow_check(*args: Any, **kwargs: Any) -> None:
        time.sleep(0.02)
        check(*args, **kwargs)

    monkeypatch.setattr(loader, "check_digests", slow_check)
    outcomes = in_threads(lambda: [load_fixture(path) for _ in range(2)])
    assert {type(outcome) for outcome in outcomes} == {IntegrityError}
    assert proved == {}


@pytest.mark.usefixtures("proved")
def test_threads_see_the_old_file_or_the_new_while_it_is_replaced(
    make_content: Callable[..., Content], tmp_path: Path
) -> None:
    versions = {}
    for version, shift in ((1, 0), (2, 1)):
        signals = make_content().signals + shift
        content = make_content(content_version=version, signals=signals)
        versions[version] = write_fixture(content, tmp_path / f"v{version}.h5")
    target = Path(shutil.copy(versions[1], tmp_path / "target.h5"))
    begun, done = threading.Event(), threading.Event()

    def replace() -> None:
        begun.wait(30)
        for turn in range(150):
            shutil.copy(versions[1 + turn % 2], tmp_path / "next.h5")
            (tmp_path / "next.h5").replace(target)
        done.set()

    def load() -> set[tuple[int, float]]:
        seen = set()
        while not done.is_set():
            fixture = load_fixture(target)
            version = fixture.index.content_version
            seen.add((version, float(fixture.signals[0, 0, 0])))
            begun.set()
        return seen

    writer = threading.Thread(target=replace)
    writer.start()
    seen = set().union(*in_threads(load, n=4))
    writer.join()
    # Version, and the sample that goes with it.
    assert seen == {(1, -4.0), (2, -3.0)}


def test_fixture_closed_by_one_thread_gives_others_data_or_an_error(path: Path) -> None:
    first = float(load_fixture(path).signals[0, 0, 0])

    def read_until_closed(fixture: Fixture) -> set[float]:
        seen = set()
        try:
            for _ in range(2000):
                seen.add(float(fixture.select(split="train").signals[0, 0, 0]))
        except FixtureError as error:
            assert "is closed; load it again" in str(error)  # noqa: PT017
        return seen

    for _ in range(5):
        fixture = load_fixture(path)
        closer = threading.Timer(0.005, fixture.close)
        closer.start()
        seen = in_threads(functools.partial(read_until_closed, fixture), n=4)
        closer.join()
        assert set().union(*seen) <= {first}


def test_one_dataset_is_read_by_many_threads() -> None:
    dataset = FixtureDataset("tiny")
    expected = [torch.clone(dataset[i][0]) for i in range(len(dataset))]

    def read() -> bool:
        return all(torch.equal(dataset[i][0], expected[i]) for i in range(len(dataset)))

    assert in_threads(read) == [True] * N_THREADS
