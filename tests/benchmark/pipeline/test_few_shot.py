"""A run with few labels: its probes alone are computed anew, and its tables and report show the curves."""

import json
from pathlib import Path

from tests.benchmark.tiny import call, settings


def test_labels_compute_the_probes_alone_anew(tmp_path: Path) -> None:
    words = settings(tmp_path, "probe.heads=[exact]", "seeds=[0]")
    assert call("run", *words).code == 0
    (before,) = (tmp_path / "runs").glob("quick/*/fabnet/seed0-*")
    weights = (before / "encoder.safetensors").stat().st_mtime_ns
    (scores,) = before.rglob("synthetic-pose.json")
    usual = json.loads(scores.read_text())
    assert "few_shot" not in usual
    words += ["probe.labels=[0.1,0.5,1.0]", "probe.draws=2"]
    assert call("run", *words).code == 0
    assert (before / "encoder.safetensors").stat().st_mtime_ns == weights
    record = json.loads(scores.read_text())
    assert [part["n"] for part in record.pop("few_shot")] == [{"train": 6, "val": 2}, {"train": 32, "val": 8}]
    assert record == usual

    tables = call("tables", f"out={tmp_path / 'runs'}", "name=quick", "--full").out
    assert "Few-shot: synthetic-pose" in tables
    assert call("report", f"out={tmp_path / 'runs'}", "name=quick").code == 0
    assert 'id="few-shot"' in (tmp_path / "runs" / "quick" / "report.html").read_text()
