"""LaTeX of every table compiles, and no line of it is too wide."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from probes.tables.full_tables import tables
from probes.tables.latex import latex_tables
from probes.tables.paper_tables import paper_tables
from probes.tables.published import load
from probes.tables.table import Table
from tests.conftest import REQUIRED
from tests.probes.tables.scored import first_table, people_of
from tests.probes.tables.test_full_tables import cost, record
from tests.probes.tables.test_paper_tables import pose, units
from tests.probes.tables.test_published import record as of_set

VARIANTS = ("autoencoder", "fabnet_3source", "split_brain-full", "my & method: 100 %")
DOCUMENT = r"""\documentclass[a4paper]{article}
\usepackage{booktabs,siunitx}
\begin{document}
\input{tables.tex}
\end{document}
"""


def every_table() -> list[Table]:
    """The tables of a benchmark with long names, large and small numbers, and gaps."""
    names = {"pose": ["roll", "pitch", "yaw"], "aus": [f"AU{n}" for n in range(1, 18)]}
    made: list[dict[str, Any]] = []
    for row, variant in enumerate(VARIANTS):
        for seed in range(3):
            made += [
                record(variant, seed, 5 + row + seed / 9, task) for task in ("w300-landmarks", "synthetic-landmarks")
            ]
            for kind, values in names.items():
                metrics = {"mae": 123.4 + row, "auc": 0.6 + row / 50, **{f"auc_{name}": 0.5 for name in values}}
                metrics |= dict.fromkeys(values, 4.5 + row)
                entries = {name: {"value": value, "unit": "any", "n": 20} for name, value in metrics.items()}
                heads = {"linear": {"metrics": entries}}
                made.append(record(variant, seed, 0, f"my_{kind}", target_kind=kind, names=values, heads=heads))
    made.append(record("a_pretrained_network", 0, 3.0, "w300-landmarks", kind="pretrained"))
    costs = [cost(variant, 0, frames_seen=123_456_789, flops=2.5e17) for variant in VARIANTS]
    series = people_of(made)
    of_paper = [units(), pose("aflw-pose"), of_set("w300-landmarks", "w300"), of_set("mafl-landmarks", "mafl")]
    return [
        first_table(made, costs, series=series),
        *tables(made, costs, series=series),
        *paper_tables(of_paper, published=load()),
    ]


@pytest.mark.parametrize("two_column", [False, True])
def test_a_document_of_all_tables_has_no_overfull_box(tmp_path: Path, two_column: bool) -> None:
    if shutil.which("pdflatex") is None:
        if os.environ.get(REQUIRED):
            pytest.fail("pdflatex is missing")
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-recommended, texlive-science)")
    (tmp_path / "tables.tex").write_text(latex_tables(every_table(), two_column=two_column))
    options = "a4paper,twocolumn" if two_column else "a4paper"
    (tmp_path / "paper.tex").write_text(DOCUMENT.replace("a4paper", options))
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert "too large" not in done.stdout


def test_tables_say_what_they_need() -> None:
    text = latex_tables(every_table())
    assert text.startswith(r"% Needs \usepackage{booktabs,siunitx}.")
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") > 4
    assert text.count("{") == text.count("}")
    assert r"\begin{table*}" in latex_tables(every_table(), two_column=True)
    assert latex_tables([]) == ""


def test_numbers_are_aligned_at_the_point() -> None:
    (table,) = tables([record("a", 0, 1234.5), record("b", 0, 2.5)])
    text = latex_tables([table])
    assert "S[table-format=4.2]" in text
    assert "a & 1234.50 & 10.0" in text
