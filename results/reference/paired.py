"""FAb-Net minus the other rows of the reference study, seed by seed, from the cells in this folder, as Markdown.

    python results/reference/paired.py > results/reference/paired.md

Intervals are Student's t over the three seeds. Their level is 95 %, corrected for the five rows that FAb-Net is
compared with on a task at one budget (Bonferroni). They cover other seeds on the same test faces, not other people.
"""

import json
from pathlib import Path

import numpy as np
from scipy import stats
from tabulate import tabulate

HERE = Path(__file__).parent
TASKS = {
    ("synthetic-landmarks", "error"): ("68 landmarks, %", "{:+.1f}"),
    ("synthetic-pose", "mae"): ("pose MAE, degrees", "{:+.2f}"),
    ("synthetic-aus", "auc"): ("action units, AUC", "{:+.3f}"),
    ("synthetic-expression", "auc"): ("expressions, AUC", "{:+.3f}"),
}
OTHERS = ("random", "pixels", "autoencoder", "rotation", "split_brain")
STEPS = (300, 600, 1200)


def main() -> None:
    """Prints the table."""
    rows = []
    for steps in STEPS:
        cells = json.loads((HERE / f"steps-{steps}-exact.json").read_text())
        values = {(cell["variant"], cell["task"], cell["metric"]): np.array(cell["values"]) for cell in cells}
        for other in OTHERS:
            differences = [entry(values["fabnet", *key] - values[other, *key], TASKS[key][1]) for key in TASKS]
            rows.append([f"{steps:,}", f"`{other}`", *differences])
    headings = ["steps", "`fabnet` minus", *(heading for heading, _ in TASKS.values())]
    print(tabulate(rows, headings, "pipe", disable_numparse=True))


def entry(differences: np.ndarray, number: str) -> str:
    """The mean and its interval; bold if that leaves out 0."""
    low, high = stats.t.interval(
        1 - 0.05 / len(OTHERS), len(differences) - 1, differences.mean(), stats.sem(differences)
    )
    mark = "**" if low > 0 or high < 0 else ""
    return f"{mark}{number.format(differences.mean())}{mark} [{number.format(low)}, {number.format(high)}]"


if __name__ == "__main__":
    main()
