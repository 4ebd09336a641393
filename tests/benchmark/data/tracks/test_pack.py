import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from filelock import FileLock

from benchmark.data.tracks.lock import one_part
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.plan import PackPlan, Settings
from benchmark.data.tracks.slices import slices_done
from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame
from benchmark.data.tracks.store import TrackStore
from benchmark.data.tracks.summary import summarise
from benchmark.data.tracks.verify import verify
from benchmark.errors import DataError
from slurm.signals import Stopped
from tests.benchmark.data.drawn import Drawn


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and p.name != ".lock"}


def test_manifest_describes_the_store(tmp_path: Path) -> None:
    manifest = TrackPacker(Drawn(n=40), tmp_path / "s", split_seed=0, jpeg_quality=90).pack()
    assert manifest["counts"]["total"] == {"identities": 20, "tracks": 40, "frames": 120}
    assert manifest["counts"]["train"] == {"identities": 15, "tracks": 30, "frames": 90}
    assert manifest["counts"]["val"]["identities"] == 3
    assert manifest["counts"]["test"]["identities"] == 2
    assert manifest["size"] == 32
    assert manifest["source"]["reader"] == "drawn"
    assert manifest["split"] == {"seed": 0, "fractions": [0.75, 0.15, 0.1]}
    assert manifest["jpeg"] == {"quality": 90, "subsampling": "4:2:0"}
    assert manifest["warnings"] == []
    assert manifest["converted"]["drawn by hand"]["count"] == 120
    assert "pyarrow" in manifest["versions"]
    assert manifest == json.loads((tmp_path / "s/manifest.json").read_text())
    assert {p.name for p in (tmp_path / "s").iterdir()} == {".lock", "manifest.json", "index.arrow", "shards"}


def test_bytes_do_not_depend_on_workers_and_folder(tmp_path: Path) -> None:
    TrackPacker(Drawn(), tmp_path / "a", split_seed=0, slice_size=3).pack(workers=1)
    TrackPacker(Drawn(), tmp_path / "elsewhere/b", split_seed=0, slice_size=3).pack(workers=2)
    assert files(tmp_path / "a") == files(tmp_path / "elsewhere/b")


def test_hash_depends_on_the_content(tmp_path: Path) -> None:
    hashes = {
        TrackPacker(source, tmp_path / str(i), split_seed=seed).pack()["hash"]
        for i, (source, seed) in enumerate([(Drawn(), 0), (Drawn(), 1), (Drawn(n=10), 0), (Drawn(frames=4), 0)])
    }
    assert len(hashes) == 4


def test_skips_are_counted_by_reason(tmp_path: Path) -> None:
    source = Drawn(n=20, skip=(1, 2, 3, 4, 17), short=(6,), broken_frames=(8, 9))
    manifest = TrackPacker(source, tmp_path, split_seed=0).pack()
    assert manifest["counts"]["total"]["tracks"] == 14
    assert manifest["skipped"]["tracks"] == {
        "made to be skipped": {
            "count": 5,
            "examples": [f"id{t // 2:03d}/t{t:04d}: on purpose" for t in (1, 2, 3)],
        },
        "fewer than 2 usable frames": {"count": 1, "examples": ["id003/t0006: 1 usable"]},
    }
    assert manifest["skipped"]["frames"]["made to be broken"]["count"] == 2
    assert "id001" not in {TrackStore(tmp_path).identity(t) for t in range(14)}
    assert any("5 x made to be skipped" in line for line in summarise(manifest))
    assert verify(tmp_path).ok


def test_source_without_usable_tracks_leaves_no_folder(tmp_path: Path) -> None:
    source = Drawn(n=4, skip=(0, 1), short=(2, 3))
    with pytest.raises(DataError, match=r"no usable track.*2 x fewer than 2.*2 x made to be skipped"):
        TrackPacker(source, tmp_path / "s", split_seed=0).pack()
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(("n", "empty"), [(2, ["val", "test"]), (4, ["test"]), (6, [])])
def test_empty_splits_are_warned_of(tmp_path: Path, n: int, empty: list[str]) -> None:
    manifest = TrackPacker(Drawn(n=n), tmp_path, split_seed=0).pack()
    assert [w.split()[0] for w in manifest["warnings"]] == empty
    store = TrackStore(tmp_path)
    assert [s for s in ("train", "val", "test") if len(store.tracks(s)) == 0] == empty


def test_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    TrackPacker(Drawn(n=10, skip=(0,)), tmp_path, split_seed=0, slice_size=4).pack(
        progress=lambda *counts: seen.append(counts)
    )
    assert seen == [(0, 10, 0), (4, 10, 9), (8, 10, 21), (10, 10, 27)]


def test_complete_store_is_not_packed_again(tmp_path: Path) -> None:
    first = TrackPacker(Drawn(), tmp_path, split_seed=0).pack()
    again = TrackPacker(Drawn(killed_at=tuple(range(12))), tmp_path, split_seed=0, jpeg_quality=95).pack()
    assert again == first


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        (Drawn(frames=4), {}, "source.frames 3, now 4"),
        (Drawn(), {"split_seed": 1}, "split.seed 0, now 1"),
        (Drawn(), {"jpeg_quality": 80}, "jpeg.quality 95, now 80"),
    ],
)
def test_complete_store_of_other_settings_is_refused(
    tmp_path: Path, source: Drawn, options: dict[str, int], expected: str
) -> None:
    TrackPacker(Drawn(), tmp_path, split_seed=0).pack()
    before = files(tmp_path)
    with pytest.raises(DataError, match=f"{expected}.*remove it"):
        replace(TrackPacker(source, tmp_path, split_seed=0), **options).pack()  # type: ignore[arg-type]
    assert files(tmp_path) == before


def test_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match=r"thesis\.tex.*not a track store"):
        TrackPacker(Drawn(), tmp_path, split_seed=0).pack()
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        TrackPacker(Drawn(), tmp_path / "s", split_seed=0).pack()


def test_store_locked_by_another_process_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("process 7 on elsewhere")
    with FileLock(tmp_path / ".lock"), pytest.raises(DataError, match="process 7 on elsewhere is preparing it"):
        TrackPacker(Drawn(), tmp_path, split_seed=0).pack()
    assert TrackPacker(Drawn(), tmp_path, split_seed=0).pack()["counts"]["total"]["tracks"] == 12


def test_waiting_process_says_for_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    monkeypatch.setattr("benchmark.data.tracks.lock.say", messages.append)
    (tmp_path / ".lock").write_text("process 7 on elsewhere")
    with ThreadPoolExecutor() as pool:
        with FileLock(tmp_path / ".lock"):
            listed = pool.submit(TrackPacker(Drawn(), tmp_path, split_seed=0).list_tracks)
            while not messages:
                assert not listed.done()
                time.sleep(0.01)
        listed.result()
    assert messages == [f"{tmp_path}: waiting for process 7 on elsewhere, which is preparing it"]
    assert slices_done(tmp_path) == [False, False]


def test_two_tracks_with_the_same_name_are_refused(tmp_path: Path) -> None:
    class Twice(Drawn):
        def tracks(self) -> list[RawTrack]:
            return super().tracks() * 2

    with pytest.raises(DataError, match="two tracks are called 'id000/t0000'"):
        TrackPacker(Twice(), tmp_path / "s", split_seed=0).pack()
    assert not (tmp_path / "s").exists()


def test_frame_of_another_size_is_an_error_of_the_source(tmp_path: Path) -> None:
    class Wrong(Drawn):
        def read(self, track: RawTrack) -> Iterator[Frame | SkippedFrame]:
            yield Frame("0", np.zeros((8, 8, 3), np.uint8))

    with pytest.raises(DataError, match=r"Wrong.*track id000/t0000: a frame is uint8 \(8, 8, 3\)"):
        TrackPacker(Wrong(), tmp_path / "s", split_seed=0).pack()


def test_killed_worker_is_reported_and_packing_resumes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"worker process was killed.*again"):
        TrackPacker(Drawn(killed_at=(9,)), tmp_path / "s", split_seed=0, slice_size=3).pack(workers=2)
    resumed = TrackPacker(Drawn(), tmp_path / "s", split_seed=0, slice_size=3).pack()
    assert resumed == TrackPacker(Drawn(), tmp_path / "undisturbed", split_seed=0, slice_size=3).pack()


SCRIPT = """
import sys
from pathlib import Path
from benchmark.data.tracks.pack import TrackPacker
from tests.benchmark.data.drawn import Drawn
if __name__ == "__main__":
    root, hold = map(Path, sys.argv[1:])
    TrackPacker(Drawn(n=20, hold=hold), root, split_seed=0, slice_size=2).pack(workers=2)
"""


def kill_in_the_middle(root: Path, hold: Path) -> list[psutil.Process]:
    """Start packing, kill the process with SIGKILL once three slices are done, and return its child processes."""
    hold.touch()
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, root, hold], stderr=subprocess.DEVNULL)
    try:
        while len(list(root.glob("unfinished/slice-*"))) < 3:
            assert process.poll() is None
            time.sleep(0.02)
        return psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_packing_resumes_after_sigkill_with_the_same_bytes(tmp_path: Path) -> None:
    root, hold = tmp_path / "s", tmp_path / "hold"
    kill_in_the_middle(root, hold)
    with pytest.raises(DataError, match="unfinished"):
        TrackStore(root)
    finished = {p.name: p.stat().st_mtime_ns for p in root.glob("shards/shard-*")}
    hold.unlink()
    (root / "shards/.shard-00004.arrow.torn").write_bytes(b"torn")
    seen: list[tuple[int, int, int]] = []
    TrackPacker(Drawn(n=20), root, split_seed=0, slice_size=2).pack(progress=lambda *counts: seen.append(counts))
    assert seen[0] == (6, 20, 18)  # three slices are not read again
    again = {p.name: p.stat().st_mtime_ns for p in root.glob("shards/*")}
    assert all(again[name] == finished[name] for name in list(finished)[:3])
    TrackPacker(Drawn(n=20), tmp_path / "undisturbed", split_seed=0, slice_size=2).pack()
    assert files(root) == files(tmp_path / "undisturbed")


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    children = kill_in_the_middle(tmp_path / "s", tmp_path / "hold")
    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=30)[1]


def test_unfinished_store_of_other_settings_is_refused(tmp_path: Path) -> None:
    root, hold = tmp_path / "s", tmp_path / "hold"
    kill_in_the_middle(root, hold)
    hold.unlink()
    with pytest.raises(DataError, match=r"unfinished store.*split\.seed 0, now 5.*remove it"):
        TrackPacker(Drawn(n=20), root, split_seed=5, slice_size=2).pack()
    with pytest.raises(DataError, match=r"unfinished store.*list of tracks"):
        TrackPacker(Drawn(n=22), root, split_seed=0, slice_size=2).pack()


def test_parts_in_any_order_give_the_same_store(tmp_path: Path) -> None:
    packer = TrackPacker(Drawn(n=20), tmp_path / "s", split_seed=0, slice_size=2)
    for part in (2, 0, 1, 0):  # the last finds its slices done
        packer.pack_part(part, 3)
    finished = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("s/shards/*")}
    assert len(finished) == 10
    packer.pack()
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("s/shards/*")} == finished
    replace(packer, root=tmp_path / "undisturbed").pack()
    assert files(tmp_path / "s") == files(tmp_path / "undisturbed")
    packer.pack_part(0, 3)  # has nothing left to do


def test_tracks_are_listed_by_the_first_part_alone(tmp_path: Path) -> None:
    class Once(Drawn):
        def tracks(self) -> list[RawTrack]:
            assert not (tmp_path / "s/unfinished").exists()
            return super().tracks()

    for part in range(2):
        TrackPacker(Once(n=20), tmp_path / "s", split_seed=0, slice_size=2).pack_part(part, 2)
    with pytest.raises(DataError, match=r"split\.seed 0, now 1"):
        TrackPacker(Once(n=20), tmp_path / "s", split_seed=1, slice_size=2).pack_part(1, 2)


def test_parts_run_at_the_same_time_and_stop_after_a_slice_on_request(tmp_path: Path) -> None:
    source, root = Drawn(n=20), tmp_path / "store"
    TrackPacker(source, root, split_seed=0).list_tracks()
    assert slices_done(root) == [False] * len(slices_done(root))
    with one_part(root), pytest.raises(Stopped):  # another part is being packed
        TrackPacker(source, root, split_seed=0).pack_part(0, 1, stop=lambda: True)
    assert sum(slices_done(root)) == 1
    TrackPacker(source, root, split_seed=0).pack_part(0, 1, stop=lambda: False)
    assert all(slices_done(root))
    TrackPacker(source, root, split_seed=0).pack()
    assert slices_done(root) == []


def test_part_started_while_the_store_is_finished_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, listed_plan = tmp_path / "store", TrackPacker._listed_plan
    packer = TrackPacker(Drawn(n=20), root, split_seed=0)

    def finished_meanwhile(packer: TrackPacker, settings: Settings) -> PackPlan | None:
        plan = listed_plan(packer, settings)
        packer.pack()
        return plan

    monkeypatch.setattr(TrackPacker, "_listed_plan", finished_meanwhile)
    packer.pack_part(0, 2)
    assert {path.name for path in root.iterdir()} == {".lock", "manifest.json", "index.arrow", "shards"}


def test_store_is_not_finished_while_a_part_is_being_packed(tmp_path: Path) -> None:
    TrackPacker(Drawn(n=20), tmp_path, split_seed=0, slice_size=2).pack_part(0, 2)
    with one_part(tmp_path), pytest.raises(DataError, match=rf"process {os.getpid()} on .* is preparing it"):
        TrackPacker(Drawn(n=20), tmp_path, split_seed=0, slice_size=2).pack()
