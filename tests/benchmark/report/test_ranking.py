"""The section of the ranking: nothing more than the tests say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.pipeline.results import render
from benchmark.report.page import page
from benchmark.report.parts import DataTable, Figure, Gallery, Section, Text
from benchmark.report.ranking import section
from benchmark.report.source import Source
from tests.benchmark.report import made
from tests.benchmark.report.made import make
from tests.benchmark.tiny import ROOT

METHODS = {"fabnet": "method", "rotation": "method", "byol": "method", "vicreg": "method"}
NOISE = {"fabnet": 0.02, "rotation": 0.1, "byol": 0.3, "vicreg": 0.9}


def read(folder: Path) -> Source:
    return Source(folder, BenchmarkRecord.read(folder), "exact")


def found(folder: Path) -> Section:
    made = section(read(folder))
    assert made is not None
    return made


def text_of(made: Section) -> str:
    return " ".join(part.text for part in made.parts if isinstance(part, Text))


def figures_of(made: Section) -> list[Figure]:
    figures = [figure for part in made.parts if isinstance(part, Gallery) for figure in part.figures]
    return [figure for figure in figures if isinstance(figure, Figure)]


@pytest.fixture
def of_six_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A benchmark of four methods, each clearly ahead of the next on six tasks that name a labelled set each."""
    tasks = [f"angles{number}" for number in range(6)]
    monkeypatch.setattr(made, "TASKS", dict.fromkeys(tasks, "pose"))
    monkeypatch.setattr(made, "NOISE", NOISE)
    folder = make(tmp_path, METHODS, [0, 1], tasks)
    record = BenchmarkRecord.read(folder)
    for task in tasks:
        record.config["task"][task]["set"] = f"set of {task}"
    record.write(folder)
    return folder


def test_no_ranking_of_tasks_on_the_same_faces(tmp_path: Path) -> None:
    shown = found(make(tmp_path, {"fabnet": "method", "rotation": "method"}))
    assert text_of(shown).startswith("No ranking over tasks: all 4 of them are on the faces of one labelled set")
    assert not any(isinstance(part, DataTable) for part in shown.parts)
    assert [figure.title for figure in figures_of(shown)] == ["Landmarks", "Head pose", "Expression", "Action units"]


def test_a_ranking_over_sets_has_its_test_ranks_and_diagram(of_six_sets: Path) -> None:
    shown = found(of_six_sets)
    assert text_of(shown).startswith(
        "Over 6 labelled sets, the 4 methods differ in rank (Friedman's chi-square = 18.00, p < .00"
    )
    assert "Not shown to differ: fabnet, rotation and byol" not in text_of(shown)
    (table,) = [part for part in shown.parts if isinstance(part, DataTable)]
    assert [(row[0].text, row[1].value) for row in table.rows] == [
        ("fabnet", 1),
        ("rotation", 2),
        ("byol", 3),
        ("vicreg", 4),
    ]
    diagram, *matrices = figures_of(shown)
    assert "fabnet (1)" in diagram.svg
    assert len(matrices) == 6


def test_full_tables_end_the_sentences_of_the_first_with_the_ranking(of_six_sets: Path, tmp_path: Path) -> None:
    expected = "Over 6 labelled sets, the 4 methods differ in rank"
    assert expected in " ".join(render(of_six_sets, "text", "exact").split())
    assert expected not in " ".join(render(of_six_sets, "text", "exact", full=False).split())
    assert expected in render(of_six_sets, "tex", "exact")
    assert "in rank" not in render(make(tmp_path / "one", METHODS, tasks=[*made.TASKS]), "text", "exact")


def test_a_probability_stands_for_every_ordered_pair(of_six_sets: Path) -> None:
    matrix = figures_of(found(of_six_sets))[1]
    numbers = re.findall(r">([<&;lgt ]*\.\d\d)<", matrix.svg)
    assert len(numbers) == 4 * 3
    assert numbers.count("&gt;.99") == numbers.count("&lt;.01") > 0


def test_one_seed_is_said_to_be_of_these_networks(tmp_path: Path) -> None:
    rows = {"fabnet": "method", "rotation": "method"}
    assert "of these networks, and not of the methods" in text_of(found(make(tmp_path / "one", rows, [0], ["angles"])))
    assert "not of the methods" not in text_of(found(make(tmp_path / "two", rows, [0, 1], ["angles"])))


def test_a_method_without_a_score_is_not_ranked(of_six_sets: Path) -> None:
    for path in of_six_sets.glob("made/3/*/probes/angles0*"):
        path.unlink()
    shown = found(of_six_sets)
    assert shown.notes == ["not ranked, since they have no score on some task: vicreg"]
    assert "the 3 methods" in text_of(shown)


def test_one_method_has_no_section(tmp_path: Path) -> None:
    assert section(read(make(tmp_path, {"fabnet": "method", "mean": "floor"}, tasks=["angles"]))) is None


def test_the_diagram_has_the_same_bytes_in_another_process(of_six_sets: Path) -> None:
    record = json.dumps(str(of_six_sets))
    script = (
        "import sys; from pathlib import Path\n"
        "from benchmark.pipeline.benchmark_record import BenchmarkRecord\n"
        "from benchmark.report.page import page\n"
        "from benchmark.report.source import Source\n"
        f"folder = Path({record})\n"
        "sys.stdout.buffer.write(page(Source(folder, BenchmarkRecord.read(folder), 'exact')).encode())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "3"}
    written = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, capture_output=True)
    assert written.stdout.decode() == page(read(of_six_sets))
