"""Which encoder the rows of a table have, for its caption and its cells.

A probe record of an embedding says so: ``"encoder": {"name": str, "width": int, "size": int}`` and ``"dim": int``. The
encoder is null for rows without the benchmark's: pixels, or a network of their own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

Record = Mapping[str, Any]
DEFAULT = "fabnet"  # not named where all rows have it
NAMED = ("method", "pretrained")  # kinds of rows that others are compared with


class Embedding(TypedDict):
    """What scores were read from; None where records do not say or differ, and for networks of a row's own.

    ``encoder`` is the name, ``width`` the channels of its first layer, ``size`` the side of its images in pixels, and
    ``dim`` the numbers of an embedding.
    """

    encoder: str | None
    width: int | None
    size: int | None
    dim: int | None


def embedding(records: Sequence[Record]) -> Embedding:
    """The embedding that probe records of one row share."""
    about = [{"dim": record.get("dim"), **(record.get("encoder") or {})} for record in records]

    def shared(key: str) -> Any:
        values = {each.get(key) for each in about}
        return values.pop() if len(values) == 1 else None

    return {"encoder": shared("name"), "width": shared("width"), "size": shared("size"), "dim": shared("dim")}


def encoder_caption(records: Iterable[Record]) -> list[str]:
    """The encoder that methods share, unless it is the default, and the rows with another one or another dimension.

    Records from before there was a choice are left out.
    """
    rows = {record["variant"]: _describe(record) for record in records if record["kind"] in NAMED and "dim" in record}
    shared = [text for text, kind in rows.values() if kind == "method"]
    if not rows:
        return []
    common = Counter(shared or [text for text, _ in rows.values()]).most_common(1)[0][0]
    others = {row: text for row, (text, _) in rows.items() if text != common}
    caption = [] if common.startswith(f"{DEFAULT}, ") and not others else [f"Encoder: {common}."]
    if others:
        caption.append(f"Other encoders: {'; '.join(f'{row} ({text})' for row, text in sorted(others.items()))}.")
    return caption


def dimensions(cells: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], int | None]:
    """The numbers of an embedding of each row, by kind and name; empty where all rows that are compared have as many.

    Args:
        cells: of one table.
    """
    found: dict[tuple[str, str], set[int | None]] = {}
    for cell in cells:
        found.setdefault((cell["kind"], cell["variant"]), set()).add(cell["dim"])
    of_rows = {row: next(iter(dims)) if len(dims) == 1 else None for row, dims in found.items()}
    named = {dim for (kind, _), dim in of_rows.items() if kind in NAMED and dim is not None}
    return of_rows if len(named) > 1 else {}


def _describe(record: Record) -> tuple[str, str]:
    """An encoder in words, and the kind of its row."""
    encoder, dim = record.get("encoder"), f"{record['dim']} numbers"
    words = (
        [encoder["name"], f"width {encoder['width']}", dim, f"{encoder['size']} px"] if encoder else ["its own", dim]
    )
    return ", ".join(words), record["kind"]
