"""`fabbench report`: one page that says what is shown and what is missing, from what is on disk."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from benchmark.layout import per_image_file, scores_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.pipeline.results import render
from benchmark.report.embeddings import principal_components
from benchmark.report.page import SECTIONS, page
from benchmark.report.roc import GRID, roc
from benchmark.report.source import Source
from tests.benchmark.report.made import ROWS, TASKS, make
from tests.benchmark.report.retrieved import with_retrieval
from tests.benchmark.tiny import ROOT, call, refused

VEGA = '<script type="module">'
HOSTILE = "</script><script>alert(1)</script><b title='$x$'>\"&amp;"


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(attribute)) is not None]


def read(folder: Path) -> Source:
    return Source(folder, BenchmarkRecord.read(folder), "exact")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete benchmark, not to be changed."""
    return with_retrieval(make(tmp_path_factory.mktemp("report")))


@pytest.fixture(scope="module")
def html(own: Path) -> str:
    written = call("report", "name=own", f"out={own.parent}")
    assert (written.code, written.out) == (0, f"{own / 'report.html'}\n"), written.err
    return (own / "report.html").read_text()


def test_the_answer_is_the_sentences_of_the_tests(own: Path, html: str) -> None:
    sentences = Source(own, BenchmarkRecord.read(own), "exact").overview.sentences
    assert len(sentences) == len(TASKS) + 1
    printed = " ".join(render(own, "text", "exact", full=False).split())
    assert all(sentence in printed for sentence in sentences)
    text = Page(html).text
    assert all(sentence in text for sentence in sentences)
    assert text.index(sentences[0]) < text.index("Overview (own)")
    assert "A note." in text
    assert "3 of its faces are in the training data" in text


def test_every_section_is_there_where_it_has_something_to_show(html: str) -> None:
    anchors = set(Page(html).all("id"))
    assert {
        *("answer", "scores", "ranking", "cost", "ced", "roc", "confusion", "training", "embeddings", "retrieval"),
        *("drawn", "provenance"),
    } <= anchors
    assert not {"missing", "leakage", "budget"} & anchors  # nothing is missing; no identity task; one budget
    assert "Curriculum" in html


def test_links_lead_to_files_and_to_anchors(own: Path, html: str) -> None:
    page = Page(html)
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    links = set(page.all("href"))
    files = {link for link in links if not link.startswith("#")}
    assert {link[1:] for link in links - files} <= set(ids)
    assert files
    assert all((own / unquote(link)).is_file() for link in files)
    assert all(source.startswith("data:") for source in page.all("src"))
    assert set(re.findall(r"url\(#([^)]+)\)", html.partition(VEGA)[0])) <= set(ids)


def test_every_number_of_the_overview_leads_to_its_runs(html: str) -> None:
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    assert len(rows) == len(ROWS)
    for row in rows:
        anchors = set(re.findall(r'href="#([^"]+)"', row))
        assert len(anchors) == 1
        name = re.sub("<[^>]+>", " ", row).split()[1]
        assert f"{name} (" in html[html.index(f'<details id="{anchors.pop()}"') :][:200]
    for part in ("c" * 12, "d" * 12, "config.yaml", "Environment E1"):
        assert part in html


def test_bytes_are_the_same_in_another_process_which_needs_no_torch(own: Path, html: str) -> None:
    script = (
        "import sys; from benchmark.cli import main\n"
        f"assert main(['report', 'name=own', {f'out={own.parent}'!r}]) == 0\n"
        "assert 'torch' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, capture_output=True)
    assert (own / "report.html").read_text() == html


def test_names_and_logs_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    folder = make(tmp_path, {HOSTILE: "method", "fabnet": "method"}, seeds=[0], tasks=["angles"])
    run = next((tmp_path / "runs" / "own" / "made" / "1").iterdir())
    scores_file(run, "angles").unlink()
    (run / "error.log").write_text(f"RuntimeError: {HOSTILE}\n")
    plain = Page(page(read(make(tmp_path / "plain", {"a": "method", "fabnet": "method"}, [0], ["angles"]))))
    hostile = Page(page(read(folder)))
    count = [len([tag for tag, _ in each.elements if tag == "script"]) for each in (plain, hostile)]
    assert count[0] == count[1]
    assert "b" not in {tag for tag, _ in hostile.elements}
    assert f"failed: RuntimeError: {HOSTILE}" in hostile.text


def test_what_is_missing_or_broken_is_said(tmp_path: Path) -> None:
    folder = make(tmp_path, {"mean": "floor", "fabnet": "method", "rotation": "method"}, tasks=["angles", "feelings"])
    runs = {name: tmp_path / "runs" / "own" / "made" / name for name in ("1/seed0-0123456789", "2/seed1-0123456789")}
    first, second = runs.values()
    scores_file(first, "angles").unlink()
    per_image_file(first, "feelings").write_bytes(b"cut")
    older = json.loads(scores_file(second, "angles").read_text())
    scores_file(second, "angles").write_text(json.dumps({**older, "schema": 0}))
    scores_file(second, "feelings").write_text("{")
    (tmp_path / "cache" / "made.arrow").write_bytes(b"cut")
    text = Page(page(read(folder))).text
    assert "4 results are missing." in text
    for reason in (
        "fabnet/seed0 angles not started",
        "fabnet/seed0 feelings left out: its file of scores for each image is cut short or altered",
        "schema 0, this version reads 1",
        "cut short or altered; remove it and run the benchmark again",
        "feelings: no matrices, since its labels cannot be read",
        "set made: not drawn",
    ):
        assert reason in text, reason


def test_a_benchmark_that_has_only_begun_has_a_report(tmp_path: Path) -> None:
    folder = make(tmp_path, {"fabnet": "method"}, seeds=[0], tasks=["angles"])
    for path in folder.glob("made/*/*"):
        for file in [*path.rglob("*.*")]:
            file.unlink() if file.is_file() else None
    text = Page(page(read(folder))).text
    assert "No scores yet." in text
    assert "fabnet/seed0 angles not started" in text


def test_different_code_and_data_are_said(tmp_path: Path) -> None:
    folder = make(tmp_path, {"fabnet": "method"}, tasks=["angles"])
    run = folder / "made" / "0" / "seed1-0123456789"
    (run / "environment.json").write_text('{"commit": "other"}')
    record = json.loads(scores_file(run, "angles").read_text())
    scores_file(run, "angles").write_text(json.dumps({**record, "set": {"name": "made", "hash": "other"}}))
    text = Page(page(read(folder))).text
    assert "Runs by different code" in text
    assert "Left out, on another version of their labelled set: fabnet seed 1 (angles)" in text


def test_lengths_of_training_have_curves(tmp_path: Path) -> None:
    folder = make(tmp_path, {"short": "method", "long": "method"}, seeds=[0], tasks=["angles"])
    for number, steps in enumerate((40, 80)):
        run = folder / "made" / str(number) / "seed0-0123456789"
        (run / "config.yaml").write_text(f"identity: {{method: fabnet, train: {{steps: {steps}, lr: 0.1}}}}")
        (run / "cost.json").write_text(f'{{"steps": {steps}, "device": "cpu"}}')
    html = page(read(folder))
    assert 'id="budget"' in html
    assert "long / short" in Page(html).text


def test_curves_are_read_at_the_largest_budget_that_all_methods_reach(tmp_path: Path) -> None:
    rows = {"short": "fabnet", "long": "fabnet", "brief": "rotation", "full": "rotation"}
    folder = make(tmp_path, dict.fromkeys(rows, "method"), seeds=[0], tasks=["angles"])
    for number, (method, steps) in enumerate(zip(rows.values(), (40, 160, 20, 80), strict=True)):
        run = folder / "made" / str(number) / "seed0-0123456789"
        (run / "config.yaml").write_text(f"identity: {{method: {method}, train: {{steps: {steps}, lr: 0.1}}}}")
        (run / "cost.json").write_text(f'{{"steps": {steps}, "device": "cpu"}}')
    source = read(folder)
    short, _, _, full = (
        source.score(next(row for row in source.rows if row.variant == name), "angles").mean for name in rows
    )
    long = source.score(next(row for row in source.rows if row.variant == "long"), "angles").mean
    assert short is not None
    assert long is not None
    assert full is not None
    text = Page(page(source)).text
    table = text[text.index("At equal budgets: angles") :].partition("Means over seeds")[0]
    assert "80 training steps" in table
    assert f"{(short + long) / 2:.2f} (i)" in table  # 80 is half way from 40 to 160 in the logarithm
    assert f"{full:.2f}" in table
    assert f"{full:.2f} (i)" not in table
    assert "frames" not in table
    printed = call("tables", "name=own", f"out={folder.parent}", "--full").out
    printed = printed[printed.index("At equal budgets: angles") :]
    assert f"{(short + long) / 2:.2f} (i)" in printed
    assert "no order is tested" in " ".join(printed.split())


def test_filters_and_missing_packages(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "did you mean 'fabnet'?" in refused(2, "report", "name=own", f"out={own.parent}", "methods=fabnt")
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.setattr("benchmark.report.page.find_spec", lambda name: None)
    assert "pip install 'fab-bench[report]'" in refused(1, "report", "name=own", f"out={own.parent}")


def test_roc_curves_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    scores = random.integers(0, 20, 400) / 20  # with equal ones
    positive = random.random(400) < scores
    false_rate, true_rate, _ = roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc(scores, positive), np.interp(GRID, false_rate, true_rate))
    assert abs(np.trapezoid(roc(scores, positive), GRID) - roc_auc_score(positive, scores)) < 0.005
    assert np.isnan(roc(scores, np.ones(400, bool))).all()


def test_principal_components_are_those_of_the_covariance() -> None:
    features = (np.random.default_rng(0).standard_normal((50, 4)) * [5, 3, 1, 1]).astype(np.float32)
    found = principal_components(features)
    _, axes = np.linalg.eigh(np.cov(features.T))
    expected = (features - features.mean(0)) @ axes[:, ::-1][:, :2]
    expected /= expected.std(0)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-4)
    assert (principal_components(np.ones((5, 3), np.float32)) == 0).all()


def test_every_file_of_a_section_is_on_the_page() -> None:
    files = {path.stem for path in (ROOT / "benchmark" / "report").glob("*.py") if "\ndef section(" in path.read_text()}
    assert files == {module.__name__.rpartition(".")[2] for module in SECTIONS}
