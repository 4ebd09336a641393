"""Tables as an HTML page."""

from html.parser import HTMLParser

from probes.tables.html import as_html, html_page
from probes.tables.marks import Mark
from probes.tables.table import Entry, Row, Table


class Reader(HTMLParser):
    """Collects the text of every cell, and the cells in bold; text outside tables apart."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.bold: list[str] = []
        self.other: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag in ("th", "td"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "strong" in self.open:
            self.bold.append(data)
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data
        elif "style" not in self.open:
            self.other.append(data.strip())


def test_names_are_escaped_and_the_best_mean_is_bold() -> None:
    rows = [Row("method", "a<b>&", [Entry("1.0", Mark.BEST)]), Row("method", "c", [Entry("1.1", Mark.NOT_SHOWN)])]
    table = Table("Pose <deg>", "Caption & more.", ["MAE <script>"], rows, sentences=["a<b>& is ahead."])
    page = html_page("my <benchmark>", ["A note, 1 < 2."], as_html([table, table]))
    reader = Reader()
    reader.feed(page)
    one = ["kind", "row", "MAE <script>", "method", "a<b>&", "1.0", "method", "c", "1.1†"]
    assert [cell.strip() for cell in reader.cells] == [*one, *one]
    assert reader.bold == ["1.0", "1.0"]
    assert {"my <benchmark>", "A note, 1 < 2.", "Pose <deg>", "a<b>& is ahead."} <= {*reader.other}
    assert any("Caption & more." in text for text in reader.other)
    assert "http" not in page, "it needs no other file"
