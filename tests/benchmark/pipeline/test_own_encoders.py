"""Encoders by name and in files of users, and modules beside the files of users."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from benchmark.config.load import load
from benchmark.errors import ClusterError
from benchmark.pipeline import cluster
from benchmark.pipeline.plan import Plan
from tests.benchmark.tiny import METHOD, call, run_folder, settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "small_encoder.py"
HELPED = METHOD.replace("from pathlib", "from {helper} import SCALE\nfrom pathlib").replace(
    ".mean(1)", ".mean(1) * SCALE"
)


def test_one_encoder_for_all_rows_is_told_apart_in_keys_records_and_tables(tmp_path: Path, cache: Path) -> None:
    words = settings(tmp_path, "methods=pixels,split_brain,fabnet", f"encoder.name={EXAMPLE}", cache=cache)
    finished = call("run", *words)
    assert finished.code == 0, finished.err
    assert "Encoder: small_encoder, width 4, 16 numbers, 32 px." in " ".join(finished.out.split())
    tables = (tmp_path / "runs" / "quick" / "tables" / "tables.md").read_text()
    assert "Encoder: small_encoder, width 4, 16 numbers, 32 px." in tables
    folder = run_folder(tmp_path, "fabnet")
    identity = yaml.safe_load((folder / "config.yaml").read_text())["identity"]["encoder"]
    assert identity.pop("code")
    assert identity == {"name": "small_encoder", "version": 1, "width": 4, "dim": 16}
    record = json.loads(next((folder / "probes").glob("*.json")).read_text())
    assert (record["encoder"], record["dim"]) == ({"name": "small_encoder", "width": 4, "size": 32}, 16)


def test_rows_of_each_kind_have_an_encoder_that_ships(tmp_path: Path, cache: Path) -> None:
    words = settings(tmp_path, "methods=random,fabnet,supervised", "encoder.name=vit_small", cache=cache)
    finished = call("run", *words)
    assert finished.code == 0, finished.err
    assert "Encoder: vit_small, width 4, 16 numbers, 32 px." in " ".join(finished.out.split())


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["encoder.name=resnet19"], "unknown encoder 'resnet19'; did you mean 'resnet18'"),
        (["encoder.name=absent.py"], "no such file: "),
        (["encoder.name=vit_small", "encoder.width=100"], "width 100: vit_small needs a multiple of 64"),
        (["encoder.nmae=resnet18"], "did you mean 'encoder.name'"),
    ],
)
def test_an_encoder_that_cannot_be_is_one_line(tmp_path: Path, cache: Path, words: list[str], problem: str) -> None:
    finished = call("run", *settings(tmp_path, *words, "--dry-run", cache=cache))
    assert finished.code == 2
    assert problem in finished.err
    assert "Traceback" not in finished.err


def test_the_published_width_is_the_default() -> None:
    words = [word for word in settings(Path("x")) if not word.startswith("encoder.width")]
    for name, width in {"fabnet": 32, "resnet18": 64, "vit_small": 384}.items():
        config = load([*words, "encoder.width=null", f"encoder.name={name}", "methods=random"])
        assert Plan.of(config).variants["random"].encoder.width == width


def helped(folder: Path, scale: int, helper: str = "own_helper") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{helper}.py").write_text(f"SCALE = {scale}\n")
    path = folder / f"{helper}_method.py"
    path.write_text(HELPED.format(name=helper.replace("_", "-"), helper=helper))
    return path


def test_an_edited_module_beside_a_method_file_is_run_anew(tmp_path: Path, cache: Path) -> None:
    path = helped(tmp_path / "mine", 1)
    words = settings(tmp_path, f"methods={path}", cache=cache)
    assert "1 to do" in call("run", *words).err
    assert "1 done, 0 to do" in call("run", *words).err
    helped(tmp_path / "mine", 2)
    assert "0 done, 1 to do" in call("run", *words).err


def test_files_and_modules_beside_them_travel_in_snapshots(tmp_path: Path, cache: Path) -> None:
    method, encoder = helped(tmp_path / "mine", 1, "travelling"), tmp_path / "enc.py"
    encoder.write_text(EXAMPLE.read_text().replace('"small"', '"travelling"'))
    config = load(settings(tmp_path, f"methods={method},fabnet", f"encoder.name={encoder}", cache=cache))
    (own, built_in) = Plan.of(config).prepared().runs
    code = cluster.take_snapshot(
        cluster.JobPaths.of_benchmark(config), [own.run.method, own.run.encoder.name, "fabnet"]
    )
    copied = cluster.use_snapshot(own, code)
    assert Path(copied.run.method).is_relative_to(code)
    assert Path(copied.run.encoder.name).read_text() == encoder.read_text()
    assert Path(copied.run.method).with_name("travelling.py").read_text() == "SCALE = 1\n"
    assert copied.run.key == own.run.key
    assert cluster.use_snapshot(built_in, code).run.method == "fabnet"
    Path(copied.run.method).with_name("travelling.py").write_text("SCALE = 2\n")
    with pytest.raises(ClusterError, match="has changed while the benchmark was submitted"):
        cluster.use_snapshot(own, code)
    with pytest.raises(ClusterError, match="has changed while the benchmark was submitted"):
        cluster.use_snapshot(replace(own, run=replace(own.run, code="0" * 64)), code)
