"""What the benchmark shows, in words, and what a reader must know first."""

from benchmark.errors import DataError, first_line
from benchmark.pipeline.left_out import code_versions
from benchmark.pipeline.results import notes_of
from benchmark.report.parts import Part, Points, Section, Text, Warnings
from benchmark.report.source import Source


def section(source: Source) -> Section:
    """The section: a sentence a task, which follows from its tests, then notes and warnings."""
    sentences = source.overview.sentences if source.probes else []
    warnings = [(line, "") for line in notes_of(source.benchmark).splitlines()]
    warnings += [(line, "provenance") for line in [*source.left_out, *_differing_code(source)]]
    if source.gaps or source.benchmark.absent:
        missing = len(source.gaps) + len(source.benchmark.absent)
        warnings.append((f"{missing} result{'s are' if missing > 1 else ' is'} missing.", "missing"))
    parts: list[Part] = [Points([(line, "") for line in sentences])] if sentences else [Text("No scores yet.")]
    return Section("answer", "What is shown", [*parts, *([Warnings(warnings)] if warnings else [])])


def _differing_code(source: Source) -> list[str]:
    """A line where runs were computed by different code, or where that cannot be told."""
    try:
        return code_versions(source.folder, source.benchmark)
    except DataError as error:
        return [first_line(error)]
