"""Tables as one HTML page that needs no other file."""

from collections.abc import Iterable
from html import escape

from tabulate import tabulate

from .marks import Mark
from .table import Entry, Table

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; }
th, td { padding: .15rem .7rem; white-space: nowrap; }
thead { border-block: 1px solid; }
tbody { border-bottom: 1px solid; }
p { max-width: 50rem; }
""".strip()


def html_page(name: str, notes: Iterable[str], tables: str) -> str:
    """The page of a benchmark.

    Args:
        name: of the benchmark.
        notes: a paragraph each, above the tables.
        tables: as `as_html` returns them.
    """
    paragraphs = "".join(f"<p>{escape(note)}</p>\n" for note in notes)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}</title>\n<style>\n{STYLE}\n</style>\n{paragraphs}{tables}\n</html>"
    )


def as_html(tables: Iterable[Table]) -> str:
    """A heading, the table, its sentences and its caption for each table; the best mean is bold, if it is shown."""
    return "\n".join(_of_table(table) for table in tables)


def _of_table(table: Table) -> str:
    grid = tabulate(
        [[escape(row.kind), escape(row.variant), *map(_text, row.entries)] for row in table.rows],
        [escape(heading) for heading in ("kind", "row", *table.headings)],
        "unsafehtml",  # escaped above, so that means can be bold
        disable_numparse=True,
        colalign=["left", "left", *["right"] * len(table.headings)],
    )
    sentences = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in table.sentences)
    parts = [
        f"<h2>{escape(table.title)}</h2>",
        f"<div>{grid}</div>",
        f"<ul>\n{sentences}</ul>" if sentences else "",
        f"<p>{escape(table.explained('Bold:'))}</p>",
    ]
    return "\n".join(filter(None, parts))


def _text(entry: Entry) -> str:
    text = escape(entry.text)
    return (f"<strong>{text}</strong>" if entry.mark == Mark.BEST else text) + entry.mark.sign
