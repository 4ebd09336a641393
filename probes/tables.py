"""The benchmark's tables from records alone: landmarks, pose, expression, action units, cost.

Rows are grouped floors, methods, pretrained, ceilings, published, by name within each; the best method of a
column is marked. A gap stays a gap.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .cells import COST, Cell, Record, cells, head_used

GAP = "–"
SPOKEN = {
    "exact": "linear, solved exactly",
    "linear": "linear, trained by Adam",
    "mean": "the training mean",
    "identity": "its own outputs",
}
LOWER, HIGHER, NEITHER = -1, 1, 0


@dataclass(frozen=True)
class Column:
    """A metric of a task: how it is headed and printed, and whether more of it is better."""

    task: str
    metric: str
    label: str
    unit: str
    better: int
    show: Callable[[float], str]

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True)
class Entry:
    text: str = GAP
    best: bool = False


@dataclass(frozen=True)
class Row:
    kind: str
    variant: str
    entries: list[Entry]


@dataclass(frozen=True)
class Table:
    """``caption`` states head, seeds and split sizes; ``headings`` are of the entries, units included."""

    title: str
    caption: str
    headings: list[str]
    rows: list[Row] = field(repr=False)

    @property
    def marked(self) -> bool:
        """Whether any entry is marked as the best."""
        return any(entry.best for row in self.rows for entry in row.entries)


def tables(
    probes: Iterable[Record],
    costs: Iterable[Record] = (),
    *,
    head: str = "linear",
    expected: Iterable[tuple[str, str, str]] = (),
) -> list[Table]:
    """The tables of every benchmark among the records, those without a record left out; rows as in `cells`.

    Raises:
        RecordError: as `cells` does.
    """
    probes, costs, expected = list(probes), list(costs), list(expected)
    made = []
    for benchmark in sorted({record["benchmark"] for record in [*probes, *costs]}):
        own = [record for record in probes if record["benchmark"] == benchmark]
        spent = [record for record in costs if record["benchmark"] == benchmark]
        found = cells(own, spent, head=head, expected=[row for row in expected if row[0] == benchmark])
        for title, members in _by_table(own):
            columns = [column for task in members.values() for column in _columns(task, len(members) > 1)]
            caption = [_head_caption(members, head), *map(_sizes, members.values())]
            made.append(_table(f"{title} ({benchmark})", columns, caption, found))
        if spent:
            trained = [record for record in spent if record["kind"] != "pretrained"]
            devices = sorted({record.get("device") or "unknown" for record in trained}) or ["no device of ours"]
            caption = [f"Cost of one training run, on {' and '.join(devices)}. Speed counts sampled frames."]
            if any(record["kind"] == "ceiling" for record in spent):
                caption.append("A ceiling is trained once for each task: its figures are over tasks and seeds.")
            made.append(_table(f"Cost ({benchmark})", COST_COLUMNS, caption, found))
    return made


def _by_table(records: list[Record]) -> list[tuple[str, dict[str, list[Record]]]]:
    """Title and records by task of each table: all landmark sets share one, other tasks have one each."""
    tasks: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda each: each["task"]):
        tasks.setdefault(record["task"], []).append(record)
    kinds = {task: members[0]["target_kind"] for task, members in tasks.items()}
    landmarks = {task: members for task, members in tasks.items() if kinds[task] == "landmarks"}
    made = [("Landmarks", landmarks)] if landmarks else []
    for kind, title in (("pose", "Head pose"), ("classes", "Expression"), ("aus", "Action units")):
        made += [(f"{title}: {task}", {task: tasks[task]}) for task in tasks if kinds[task] == kind]
    return made


def _columns(records: list[Record], name_task: bool) -> list[Column]:
    """The columns of one task."""
    task, kind, names = records[0]["task"], records[0]["target_kind"], records[0]["names"]
    prefix = f"{task} " if name_task or kind == "landmarks" else ""
    if kind == "landmarks":
        errors = {"error": "error", **_groups(records, "error", "error on {}")}
        return [
            *(
                Column(task, name, prefix + label, "% inter-ocular", LOWER, "{:.2f}".format)
                for name, label in errors.items()
            ),
            Column(task, "failure_10", f"{prefix}error > 10 %", "% of images", LOWER, "{:.1f}".format),
        ]
    if kind == "pose":
        labels = {"mae": "MAE", **{name: name for name in names}}
        return [Column(task, name, label, "deg", LOWER, "{:.2f}".format) for name, label in labels.items()]
    labels = {"auc": "average", **_groups(records, "auc", "average in {}"), **{f"auc_{name}": name for name in names}}
    return [Column(task, name, label, "AUC", HIGHER, "{:.3f}".format) for name, label in labels.items()]


def _groups(records: list[Record], metric: str, label: str) -> dict[str, str]:
    """A metric within each group of the set, where it has any: its name there to ``label`` filled in."""
    found = {
        name
        for record in records
        for fitted in record["heads"].values()
        for name in fitted["metrics"]
        if name.startswith(f"{metric}/")
    }
    return {name: label.format(name.removeprefix(f"{metric}/")) for name in sorted(found)}


def _millions(n: float) -> str:
    return f"{n / 1e6:.2f}"


COST_COLUMNS = [
    Column(COST, "parameters", "parameters", "M", NEITHER, _millions),
    Column(COST, "encoder_parameters", "encoder", "M", NEITHER, _millions),
    Column(COST, "steps", "steps", "", NEITHER, "{:,.0f}".format),
    Column(COST, "steps_before", "steps before", "", NEITHER, "{:,.0f}".format),
    Column(COST, "samples", "samples", "", NEITHER, "{:,.0f}".format),
    Column(COST, "frames_seen", "frames", "", NEITHER, "{:,.0f}".format),
    Column(COST, "train_seconds", "training", "s", NEITHER, "{:,.1f}".format),
    Column(COST, "images_per_s", "speed", "images/s", NEITHER, "{:,.0f}".format),
    Column(COST, "peak_memory_mb", "peak memory", "MB", NEITHER, "{:,.0f}".format),
]


def _table(title: str, columns: Sequence[Column], caption: list[str], found: list[Cell]) -> Table:
    by_place = {(cell["kind"], cell["variant"], cell["task"], cell["metric"]): cell for cell in found}
    names = dict.fromkeys((cell["kind"], cell["variant"]) for cell in found)
    grid = {name: [by_place.get((*name, column.task, column.metric)) for column in columns] for name in names}
    counts = {cell["n_seeds"] for row in grid.values() for cell in row if cell and cell["values"]}
    seeds = max(counts, default=0)
    best = [_best(column, [row[i] for row in grid.values()]) for i, column in enumerate(columns)]
    rows = [
        Row(*name, [_entry(*each, seeds) for each in zip(columns, row, best, strict=True)])
        for name, row in grid.items()
    ]
    spread = "Mean ± standard deviation over " if seeds > 1 else "From "
    caption = [*caption, f"{spread}{seeds} seed{'s' * (seeds != 1)}."]
    if len(counts) > 1:
        caption.append("In brackets: from so many seeds; a row that nothing random enters needs but one.")
    return Table(title, " ".join(caption), [column.heading for column in columns], rows)


def _best(column: Column, cells_of_column: Sequence[Cell | None]) -> str | None:
    """The best mean of two methods or more, as printed: what prints alike is equally good."""
    means = [cell["mean"] for cell in cells_of_column if cell and cell["kind"] == "method" and cell["mean"] is not None]
    if column.better == NEITHER or len(means) < 2:
        return None
    return column.show(max(means) if column.better == HIGHER else min(means))


def _entry(column: Column, cell: Cell | None, best: str | None, seeds: int) -> Entry:
    if cell is None or cell["mean"] is None:
        return Entry()
    mean = column.show(cell["mean"])
    fixed = column.better == NEITHER and cell["std"] == 0  # a count that no seed changes
    spread = "" if cell["std"] is None or fixed else f" ± {column.show(cell['std'])}"
    fewer = f" ({cell['n_seeds']})" if cell["n_seeds"] < seeds else ""
    return Entry(f"{mean}{spread}{fewer}", best=cell["kind"] == "method" and mean == best)


def _head_caption(members: dict[str, list[Record]], head: str) -> str:
    """Which head the numbers are of, with the variants that another stands in for."""
    others: dict[str, set[str]] = {}
    for record in (record for task in members.values() for record in task):
        used = head_used(record, head)
        if used not in (None, head):
            others.setdefault(str(used), set()).add(record["variant"])
    stand_ins = "; ".join(f"{', '.join(sorted(names))}: {SPOKEN[used]}" for used, names in sorted(others.items()))
    return f"Head: {SPOKEN[head]} ({stand_ins})." if stand_ins else f"Head: {SPOKEN[head]}."


def _sizes(records: list[Record]) -> str:
    """Faces in train, val and test, for each set of sizes among the records: rows should not differ."""
    sizes = sorted({tuple(record["n"][name] for name in ("train", "val", "test")) for record in records})
    text = " or ".join("/".join(f"{n:,}" for n in size) for size in sizes)
    warning = "" if len(sizes) == 1 else "; SIZES DIFFER BETWEEN ROWS, which do not compare"
    return f"{records[0]['task']}: {text} train/val/test faces{warning}."
