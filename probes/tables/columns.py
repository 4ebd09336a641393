"""Columns of tables: the metrics of each kind of task, how their values are printed, and which way is better."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..target import RETRIEVAL
from .cells import COST, Record

LOWER, HIGHER, NEITHER = -1, 1, 0
ARROWS = {LOWER: " ↓", HIGHER: " ↑", NEITHER: ""}
TITLES = {
    "landmarks": "Landmarks",
    "pose": "Head pose",
    "classes": "Expression",
    "aus": "Action units",
    "regression": "Numbers",
    "identity": "Identity",
    RETRIEVAL: "Retrieval",
}

HEADLINES = {
    "landmarks": "Landmarks: mean error in % of the inter-ocular distance.",
    "pose": "Pose: mean absolute error in degrees.",
    "classes": "{titles}: ROC AUC, averaged over classes.",
    "aus": "Action units: ROC AUC, averaged over units.",
    "regression": "Numbers: concordance correlation coefficient (CCC), averaged.",
    "identity": "Identity: share of faces whose person a linear head tells.",
    RETRIEVAL: "Retrieval: the nearest face of another person, compared in pose, else classes, else action units.",
}


@dataclass(frozen=True)
class Column:
    """A metric of a task: its heading, how values are printed, and whether lower or higher is better."""

    task: str
    metric: str
    label: str
    unit: str
    better: int
    show: Callable[[float], str]

    @property
    def measure(self) -> str:
        """Unit, and which way is better."""
        return f"{self.unit}{ARROWS[self.better]}".strip()

    def heading(self, common: str = "") -> str:
        """Label and measure; the label alone if the measure is the one that the title of the table gives."""
        return self.label if self.measure in ("", common) else f"{self.label} ({self.measure})"


def common_measure(columns: Sequence[Column]) -> str:
    """The measure of at least half of the columns, for the title of a table; "" if there is none."""
    ((measure, count),) = Counter(column.measure for column in columns if column.unit).most_common(1) or [("", 0)]
    return measure if 2 * count >= len(columns) else ""


def title_of(record: Record) -> str:
    """What a task is called: by its kind; classes that are no expressions by the name of their target.

    The classes of a CSV are the target ``classes`` whatever they are; there the task may be called expression.
    """
    kind, target = record["target_kind"], record.get("target", "expression")  # older records have no name
    if kind != "classes" or "expression" in (target, *record["task"].split("-")):
        return TITLES[kind]
    return str(target).replace("_", " ").capitalize()


def headline_captions(probes: Sequence[Record]) -> list[str]:
    """What the headline metric of each kind among the records is."""
    titles = {
        kind: sorted({title_of(record) for record in probes if record["target_kind"] == kind}) for kind in HEADLINES
    }
    return [HEADLINES[kind].format(titles=", ".join(names)) for kind, names in titles.items() if names]


def headline_column(record: Record) -> Column:
    """The column of a task in the overview: its headline metric (`metrics.HEADLINE`), unit and direction."""
    if record["target_kind"] == RETRIEVAL:
        return replace(_retrieval_columns([record])[0], label=record["task"])
    metric, unit, better, show = {
        "landmarks": ("error", "%", LOWER, "{:.1f}".format),
        "pose": ("mae", "deg", LOWER, "{:.2f}".format),
        "classes": ("auc", "AUC", HIGHER, "{:.3f}".format),
        "aus": ("auc", "AUC", HIGHER, "{:.3f}".format),
        "regression": ("ccc", "CCC", HIGHER, "{:.3f}".format),
        "identity": ("identified", "fraction", NEITHER, "{:.3f}".format),
    }[record["target_kind"]]
    return Column(record["task"], metric, record["task"], unit, better, show)


def task_columns(records: Sequence[Record], name_task: bool) -> list[Column]:
    """Every column of one task; landmark columns, and all with ``name_task``, are headed by the task's name."""
    task, kind, names = records[0]["task"], records[0]["target_kind"], records[0]["names"]
    if kind == "landmarks":
        errors = {"error": "error", **_group_metrics(records, "error", "error on {}")}
        columns = [
            Column(task, metric, f"{task} {label}", "% inter-ocular", LOWER, "{:.2f}".format)
            for metric, label in errors.items()
        ]
        return [*columns, Column(task, "failure_10", f"{task} error > 10 %", "% of images", LOWER, "{:.1f}".format)]
    if kind == "pose":
        measured = {name for record in records for head in record["heads"].values() for name in head["metrics"]}
        labels = {"mae": "MAE", **{name: name for name in names}}
        labels |= {"geodesic": "geodesic"} if "geodesic" in measured else {}  # not in older records
        return [Column(task, metric, label, "deg", LOWER, "{:.2f}".format) for metric, label in labels.items()]
    if kind == "identity":
        return [Column(task, "identified", "told apart", "fraction", NEITHER, "{:.3f}".format)]
    if kind == RETRIEVAL:
        return _retrieval_columns(records)
    if kind == "regression":
        return _number_columns(task, names)
    labels = {
        "auc": "average",
        **_group_metrics(records, "auc", "average in {}"),
        **{f"auc_{name}": name for name in names},
    }
    return [Column(task, metric, label, "AUC", HIGHER, "{:.3f}".format) for metric, label in labels.items()]


def _retrieval_columns(records: Sequence[Record]) -> list[Column]:
    """The measures of each target in turn: of the nearest face, and of the first five."""
    columns = further_columns(records, False)
    names = records[0]["names"]
    return [column for name in names for column in columns if column.metric.rpartition("_")[0] == name]


def _number_columns(task: str, names: Sequence[str]) -> list[Column]:
    """CCC of each number and, of several, their mean; then the errors of each."""
    show = "{:.3f}".format
    averages = [Column(task, "ccc", "average", "CCC", HIGHER, show)] if len(names) > 1 else []
    measures = (("ccc", "CCC", HIGHER), ("r2", "R2", HIGHER), ("absolute_error", "MAE", LOWER), ("rmse", "RMSE", LOWER))
    return averages + [
        Column(task, f"{metric}_{name}", name, label, better, show)
        for metric, label, better in measures
        for name in names
    ]


def further_columns(records: Sequence[Record], name_task: bool) -> list[Column]:
    """Columns of the metrics beyond the standard ones, which say themselves how they are shown."""
    task, columns = records[0]["task"], {}
    for record in records:
        for head in record["heads"].values():
            for name, entry in head["metrics"].items():
                if "better" not in entry:
                    continue
                _, _, group = name.partition("/")
                label = f"{entry['label']} in {group}" if group else entry["label"]
                heading = f"{task} {label}" if name_task else label
                show = f"{{:.{entry['digits']}f}}".format
                columns[name] = Column(task, name, heading, entry["unit"], entry["better"], show)
    return list(columns.values())


def _group_metrics(records: Sequence[Record], metric: str, label: str) -> dict[str, str]:
    """Metrics computed within groups of the set (``metric/group``), with ``label`` formatted by the group's name."""
    names = {
        name
        for record in records
        for head in record["heads"].values()
        for name in head["metrics"]
        if name.startswith(f"{metric}/")
    }
    return {name: label.format(name.removeprefix(f"{metric}/")) for name in sorted(names)}


def _millions(n: float) -> str:
    return f"{n / 1e6:.2f}"


COST_COLUMNS = [
    Column(COST, "parameters", "parameters", "M", NEITHER, _millions),
    Column(COST, "encoder_parameters", "encoder", "M", NEITHER, _millions),
    Column(COST, "steps", "steps", "", NEITHER, "{:,.0f}".format),
    Column(COST, "steps_before", "steps before", "", NEITHER, "{:,.0f}".format),
    Column(COST, "samples", "samples", "", NEITHER, "{:,.0f}".format),
    Column(COST, "frames_seen", "frames", "", NEITHER, "{:,.0f}".format),
    Column(COST, "encoder_passes", "encoder passes", "", NEITHER, "{:,.0f}".format),
    Column(COST, "flops", "work", "TFLOP", NEITHER, lambda flops: f"{flops / 1e12:,.3g}"),
    Column(COST, "train_seconds", "training", "s", NEITHER, "{:,.1f}".format),
    Column(COST, "images_per_s", "speed", "images/s", NEITHER, "{:,.0f}".format),
    Column(COST, "peak_memory_mb", "peak memory", "MB", NEITHER, "{:,.0f}".format),
]
