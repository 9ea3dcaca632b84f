"""What a run's process spends, from a made-up /proc and from the real one."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import signals
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder, gpu
from qgm_observe.lifecycle.gpu import Gpu, gpu_now
from qgm_observe.lifecycle.resources import Meter, disk_free, sample, spent

from .conftest import Clock

Rows = Callable[..., list[Event]]


def proc(
    folder: Path,
    *,
    read: int = 0,
    written: int = 0,
    calls: tuple[int, int] = (0, 0),
    peak: int = 900,
    resident: int = 500,
) -> Path:
    """A folder like /proc/self; memory in kB."""
    told = f"rchar: 9\nsyscr: {calls[0]}\nsyscw: {calls[1]}\n"
    (folder / "io").write_text(f"{told}read_bytes: {read}\nwrite_bytes: {written}\n")
    status = f"Name:\ttrain me\nVmHWM:\t  {peak} kB\nVmRSS:\t  {resident} kB\n"
    (folder / "status").write_text(status)
    return folder


def test_bytes_are_those_since_the_begin(tmp_path: Path) -> None:
    """What was read and written before the run began is not the run's; calls count likewise."""
    meter = Meter(tmp_path, proc(tmp_path, read=100, written=7, calls=(20, 3)))
    proc(tmp_path, read=350, written=4103, calls=(25, 15))
    meter.stop()
    told = meter.told()

    assert (told["read_bytes"], told["written_bytes"]) == (250, 4096)
    assert (told["reads"], told["writes"]) == (5, 12)


@pytest.mark.parametrize(("mark", "peak"), [(900, 600), (1000, 1000)])
def test_the_peak_is_the_runs_own(tmp_path: Path, mark: int, peak: int) -> None:
    """A high-water mark of before is not the run's peak: then the most that was seen is."""
    meter = Meter(tmp_path, proc(tmp_path, peak=900, resident=500))
    proc(tmp_path, peak=900, resident=600)
    meter.sample()
    proc(tmp_path, peak=mark, resident=550)
    meter.stop()

    assert meter.told()["memory_peak_bytes"] == peak * 1024


def test_what_the_system_does_not_tell_is_missing(tmp_path: Path) -> None:
    """Without /proc and without a GPU their keys are missing, never 0."""
    meter = Meter(tmp_path, tmp_path / "nowhere")
    meter.stop()

    assert meter.told().keys() == {"cpu_seconds", "children_cpu_seconds", "disk_free_bytes"}


def test_the_processor_time_of_this_process_grows() -> None:
    """Work takes processor time, which the real system tells."""
    before = spent().cpu
    while spent().cpu == before:
        sum(range(10_000))

    assert spent().cpu > before


def test_free_space_is_told_for_a_file_that_is_not_yet_there(tmp_path: Path) -> None:
    """Of a path that does not exist its nearest folder answers."""
    free = disk_free(tmp_path / "later" / "journal.db")

    assert free is not None
    assert free > 0


def test_gpus_are_averaged_over_time_and_their_memory_peaks(tmp_path: Path) -> None:
    """Utilization is the mean of the samples, memory the highest of them."""
    meter = Meter(tmp_path, tmp_path)
    for utilization, memory in ((0.5, 300), (1.0, 200)):
        meter.sample(Gpu(utilization, memory))
    told = meter.told()

    assert (told["gpu_utilization"], told["gpu_memory_peak_bytes"]) == (0.75, 300)


def library(devices: int, *, driver: bool = True) -> SimpleNamespace:
    """A stand-in for NVIDIA's library: device n works n x 20 percent and holds n x 10 bytes."""

    class NVMLError(Exception):
        pass

    def init() -> None:
        if not driver:
            raise NVMLError

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=init,
        nvmlDeviceGetCount=lambda: devices,
        nvmlDeviceGetHandleByIndex=lambda index: index + 1,
        nvmlDeviceGetUtilizationRates=lambda n: SimpleNamespace(gpu=20 * n),
        nvmlDeviceGetMemoryInfo=lambda n: SimpleNamespace(used=10 * n),
    )


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (None, None),
        (library(0), None),
        (library(2, driver=False), None),
        (library(2), Gpu(0.3, 30)),
    ],
)
def test_gpus_tell_or_are_unknown(
    monkeypatch: pytest.MonkeyPatch, module: object, expected: Gpu | None
) -> None:
    """Not installed, no driver, no device: unknown. Else mean work and all memory."""
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr(gpu, "_devices", {})
    told = gpu_now()

    assert (told is None) == (expected is None)
    assert told is None or (pytest.approx(0.3), 30) == told


def test_a_gpu_that_falls_silent_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that stops answering in the middle of a run tells nothing."""
    module = library(1)

    def silent(_: object) -> None:
        raise module.NVMLError

    module.nvmlDeviceGetMemoryInfo = silent
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr(gpu, "_devices", {})

    assert gpu_now() is None


def test_no_meter_asks_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no run is open the GPUs are left alone."""
    monkeypatch.setattr("qgm_observe.lifecycle.resources.gpu_now", lambda: pytest.fail("asked"))

    sample([])


def test_a_run_has_its_resources_on_its_record(rows: Rows, recorder: Recorder) -> None:
    """A finished run tells what it took; its counters and gauges are published."""
    with qgm.run(model="m"):
        sum(range(1000))
    (event,) = rows(verbs=("finished",), nouns=("run",))
    told = event.body["resources"]
    with recorder.aggregates.families() as families:
        shown = {family.signal.name: list(family.series.values()) for family in families}

    assert {"cpu_seconds", "memory_peak_bytes", "disk_free_bytes"} <= told.keys()
    assert all(value >= 0 for value in told.values())
    assert shown[signals.RUN_MEMORY_PEAK.name][0].number == told["memory_peak_bytes"]


def test_a_run_that_goes_on_is_sampled_each_second(rows: Rows, clock: Clock) -> None:
    """While a run is open its beats carry what it has taken so far."""
    with qgm.run() as run:
        clock.tick(2)
        rows()
        assert run.meter is not None
        (work,) = list(run.recorder.writer.journal.open_work())

    assert work.body["resources"]["memory_peak_bytes"] > 0
