"""The overview of a benchmark as a table that fits 80 columns, with the sentences of its tasks below it."""

from collections.abc import Sequence

from ..statistics import LEVEL
from .budget import budget_caption
from .cells import Cell, Record
from .chance import chance_caption
from .claims import TableClaims
from .columns import Column, headline_captions
from .encoders import dimensions, encoder_caption
from .full_tables import head_caption
from .other_heads import cells_of_others, disagreements
from .overview import Overview, Score, TaskColumn, by_task
from .table import Entry, Row, Table

WIDTH = 80
SHARES = ("AUC", "CCC", "fraction")  # units whose values are at most 1


def overview_table(
    made: Overview, probes: Sequence[Record], costs: Sequence[Record], cells: Sequence[Cell], *, head: str, budget: str
) -> Table:
    """The table of an overview.

    Args:
        made: the overview.
        probes: the probe records that it was made of.
        costs: the cost records of the same benchmark.
        cells: its cells.
        head: the probe head whose scores are shown.
        budget: what rows were given the same amount of.
    """
    has_cost = any(row.seconds or row.flops for row in made.rows)
    headings = [f"{each.title} ({each.column.measure})" for each in made.columns]
    rows = [
        Row(
            row.kind,
            row.variant,
            [
                *(_entry(score, each.column, made) for score, each in zip(row.scores, made.columns, strict=True)),
                *([_amount(row.seconds, 1.0), _amount(row.flops, 1e12)] if has_cost else []),
            ],
        )
        for row in made.rows
    ]
    tasks = by_task(probes)
    caption = [*_spread(made), *headline_captions(probes)]
    caption += chance_caption(probes)
    caption += [head_caption(tasks.values(), head), *encoder_caption(probes), *budget_caption(budget, costs)]
    if has_cost:
        devices = sorted({record.get("device") or "an unknown device" for record in costs if record.get("steps")})
        caption.append(f"Training: time and work of one run{' on ' if devices else ''}{' and '.join(devices)}.")
    by_any_head = [*cells, *cells_of_others(probes, head)]
    for each in made.columns:
        caption += disagreements(each.column, tasks[each.column.task], head, by_any_head)
    return Table(
        f"Overview ({made.benchmark})",
        " ".join(caption),
        [*headings, *(["Training (s)", "Work (TFLOP)"] if has_cost else [])],
        rows,
        TableClaims({index: each.claims for index, each in enumerate(made.columns) if each.claims}, made.claims),
        made.sentences if made.tested else [],
        WIDTH,
    ).with_dimensions(dimensions(cell for cell in cells if cell["task"] in tasks))


def _entry(score: Score, column: Column, made: Overview) -> Entry:
    if score.mean is None:
        return Entry()
    spread = score.half_width if made.tested else score.deviation
    numbers = [column.show(score.mean), *([] if spread is None else [column.show(spread)])]
    if column.unit in SHARES:
        numbers = [number.removeprefix("0") for number in numbers]  # .618, as they are quoted
    fewer = f" ({score.seeds})" if 1 < score.seeds < made.seeds else ""
    return Entry(f"{' ± '.join(numbers)}{fewer}", score.mark)


def _amount(value: float | None, unit: float) -> Entry:
    """A cost; nothing for a row that was not trained."""
    return Entry(f"{value / unit:,.{0 if value / unit >= 10 else 1}f}") if value else Entry()


def _spread(made: Overview) -> list[str]:
    """What follows ±, and over how many seeds and people."""
    seeds = f"{made.seeds} seed{'s' * (made.seeds != 1)}"
    if not made.tested:
        over = f"Mean ± standard deviation over {seeds}" if made.seeds > 1 else f"From {seeds}"
        return [f"{over}. No test was possible: these records hold no scores without each test person."]
    sizes = dict.fromkeys(_people(each) for each in made.columns)
    if len(sizes) > 1:
        listed = "; ".join(f"{each.title}: {_people(each)}" for each in made.columns)
        people = f"test people ({listed})"
    else:
        (people,) = sizes
    text = f"±: half width of the {100 * LEVEL:.0f} % interval over {seeds} and {people}."
    if any(score.seeds == 1 for row in made.rows for score in row.scores):
        text += " A row of one seed has that over test people alone."
    if any(1 < score.seeds < made.seeds for row in made.rows for score in row.scores):
        text += " In brackets: the number of seeds where it is smaller."
    return [text]


def _people(column: TaskColumn) -> str:
    if column.people is None:
        return "an unknown number of people"
    faces = f"{column.faces:,} test images"
    return faces if column.people == column.faces else f"{column.people:,} test people ({column.faces:,} images)"
