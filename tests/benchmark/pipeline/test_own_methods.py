"""Methods in files of users, and methods that fail."""

import json
from pathlib import Path

import pytest

from tests.benchmark.tiny import METHOD, call, cells, end, settings, start, times


@pytest.mark.parametrize(("launcher", "beside"), [("inline", ["fabnet", "mean"]), ("local", [])])
def test_a_new_method_is_one_file(tmp_path: Path, cache: Path, launcher: str, beside: list[str]) -> None:
    path = tmp_path / f"own_{launcher}.py"
    path.write_text(METHOD.format(name=f"own-{launcher}"))
    words = settings(tmp_path, f"methods={','.join([*beside, str(path)])}", f"launcher={launcher}", cache=cache)
    finished = call("run", *words) if launcher == "inline" else end(start("run", *words))
    assert finished.code == 0, finished.err
    assert f"own_{launcher}" in finished.out
    rows = {cell["variant"]: cell for cell in cells(tmp_path / "runs" / "quick") if cell["metric"] == "mae"}
    assert rows.keys() == {*beside, f"own_{launcher}"}
    assert rows[f"own_{launcher}"]["kind"] == "method"
    assert rows[f"own_{launcher}"]["mean"] > 0


def test_the_example_with_an_ema_target_is_a_row(tmp_path: Path, cache: Path) -> None:
    example = Path(__file__).parents[3] / "examples" / "byol.py"
    finished = call("run", *settings(tmp_path, f"methods=mean,{example}", cache=cache))
    assert finished.code == 0, finished.err
    rows = {cell["variant"]: cell["mean"] for cell in cells(tmp_path / "runs" / "quick") if cell["metric"] == "mae"}
    assert rows.keys() == {"mean", "byol"}
    assert rows["byol"] is not None


def test_an_edited_method_file_is_run_anew(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "own_edited.py"
    path.write_text(METHOD.format(name="own-edited"))
    words = settings(tmp_path, f"methods={path}", cache=cache)
    assert "1 to do" in call("run", *words).err
    path.write_text(path.read_text() + "\n# changed\n")
    assert "1 to do" in call("run", *words).err


def test_a_method_that_exits_fails_alone(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "own_exit.py"
    path.write_text(METHOD.format(name="own-exit").replace("RuntimeError(", "SystemExit(0, "))
    (tmp_path / "broken").touch()
    finished = call("run", *settings(tmp_path, f"methods={path},mean", cache=cache))
    assert finished.code == 1
    assert "own_exit.py raised SystemExit(0, 'this method is broken'), which would end the whole launch" in finished.err
    status = json.loads((next(tmp_path.glob("runs/quick/synthetic/own_exit/*")) / "status.json").read_text())
    assert status["state"] == "failed"
    assert any(cell["variant"] == "mean" and cell["mean"] for cell in cells(tmp_path / "runs" / "quick"))


def test_a_method_that_raises_is_a_gap_and_the_others_continue(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "own_broken.py"
    path.write_text(METHOD.format(name="own-broken"))
    (tmp_path / "broken").touch()
    words = settings(tmp_path, f"methods={path},fabnet,mean", cache=cache)
    finished = call("run", *words)
    assert finished.code == 1
    (line,) = [line for line in finished.err.splitlines() if line.startswith("failed: ")]
    assert "own_broken/seed0: this method is broken" in line
    log = Path(line.partition("(log: ")[2].rstrip(")"))
    assert "RuntimeError: this method is broken" in log.read_text()
    assert "Traceback" not in finished.err
    rows = {cell["variant"]: cell["mean"] for cell in cells(tmp_path / "runs" / "quick") if cell["metric"] == "mae"}
    assert rows.keys() == {"mean", "fabnet", "own_broken"}
    assert rows["own_broken"] is None, "a gap"
    assert str(tmp_path / "runs" / "quick") in finished.out.splitlines()[0]

    (tmp_path / "broken").unlink()
    before = times(tmp_path / "runs", "quick/*/fabnet/**/*")
    finished = call("run", *words)
    assert finished.code == 0
    assert "3 runs: 2 done, 1 to do" in finished.err
    assert times(tmp_path / "runs", "quick/*/fabnet/**/*") == before


def test_a_run_that_diverges_says_why(tmp_path: Path, cache: Path) -> None:
    wild = "variants.wild={method: autoencoder, train: {lr: 1e30, optimiser: sgd, schedule: constant, clip: null}}"
    finished = call("run", *settings(tmp_path, wild, "methods=wild,fabnet", cache=cache))
    assert finished.code == 1
    assert "failed: wild/seed0: the loss became " in finished.err
    status = json.loads((next(tmp_path.glob("runs/quick/synthetic/wild/*")) / "status.json").read_text())
    assert (status["state"], status["stage"]) == ("failed", "pretrain")
    assert any(cell["variant"] == "fabnet" and cell["mean"] for cell in cells(tmp_path / "runs" / "quick"))
