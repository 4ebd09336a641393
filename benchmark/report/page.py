"""The page: every section in order, in one HTML file that needs nothing else."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmark.errors import DataError
from benchmark.files import write_text
from benchmark.layout import REPORT
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.report import (
    answer,
    budget,
    confusion,
    cost,
    drawn,
    embeddings,
    few_shot,
    landmarks,
    leakage,
    missing,
    provenance,
    ranking,
    retrieval,
    roc,
    scores,
    training,
)
from benchmark.report.parts import Data, Section
from benchmark.report.source import Source

TEMPLATES = Path(__file__).with_name("templates")
SECTIONS = (
    answer,
    scores,
    ranking,
    leakage,
    cost,
    budget,
    few_shot,
    landmarks,
    roc,
    confusion,
    training,
    embeddings,
    retrieval,
    drawn,
    missing,
    provenance,
)


def write_report(folder: Path, head: str, benchmark: BenchmarkRecord, reference: str | None = None) -> Path:
    """Writes the report of a benchmark into its folder; returns its path.

    Args:
        folder: of the benchmark.
        head: the probe head whose scores are reported.
        benchmark: the part of the benchmark to report.
        reference: row that methods are compared with; None: that of the launch, or the best mean of each task.

    Raises:
        UsageError: no such row.
        DataError: records that cannot be combined.
    """
    path = folder / REPORT
    write_text(path, page(Source(folder, benchmark, head, reference)))
    return path


def page(source: Source) -> str:
    """The report as HTML."""
    sections = [made for module in SECTIONS if (made := module.section(source)) is not None]
    drawn = [part for each in sections for part in each.parts if isinstance(part, Data)]
    return _render(
        name=source.benchmark.benchmark,
        sections=sections,
        style=(TEMPLATES / "style.css").read_text(),
        script=(TEMPLATES / "page.js").read_text(),
        vega=_vega() if drawn else "",
        head=source.head,
        rows=len(source.rows),
        runs=len(source.benchmark.runs),
    )


def _render(sections: Sequence[Section], **values: Any) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(sections=sections, **values)


@cache
def _vega() -> str:
    """Vega, Vega-Lite and vega-embed as one script."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def check_installed() -> None:
    """Makes sure that the extra ``report`` is installed.

    Raises:
        DataError: it is not.
    """
    for package in ("altair", "jinja2", "scikit_posthocs", "vl_convert"):
        if find_spec(package) is None:
            raise DataError(f"`fabbench report` needs the package {package}: pip install 'fab-bench[report]'")
