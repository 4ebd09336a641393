// A click on a heading sorts its table: first by ascending values, then by descending ones; gaps stay below.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement;
    const body = heading.closest("table").tBodies[0];
    const column = heading.cellIndex;
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentElement.cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[column];
      return { number: cell.dataset.value === undefined ? NaN : Number(cell.dataset.value), text: cell.textContent.trim() };
    };
    const numeric = [...body.rows].some((row) => !Number.isNaN(key(row).number));
    const compare = (a, b) => {
      if (!numeric) return descending ? b.text.localeCompare(a.text) : a.text.localeCompare(b.text);
      if (Number.isNaN(a.number) || Number.isNaN(b.number)) return Number.isNaN(a.number) - Number.isNaN(b.number);
      return descending ? b.number - a.number : a.number - b.number;
    };
    body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
  });
}

// A link into something folded unfolds it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();

// Charts of points, drawn by Vega where the page has any.
function drawCharts(embed) {
  const points = {};
  for (const data of document.querySelectorAll(".points-data")) points[data.dataset.name] = JSON.parse(data.textContent);
  for (const chart of document.querySelectorAll(".chart")) {
    const spec = JSON.parse(chart.firstElementChild.textContent);
    spec.datasets = { [chart.dataset.points]: points[chart.dataset.points] };
    embed(chart, spec, { actions: false, renderer: "svg" });
  }
}
