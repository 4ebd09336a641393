"""Paired differences between FAb-Net's variants, seed by seed, with 95 % intervals, from cells.json beside this file.

Prints Markdown. An interval is Student's t over the seeds' differences: it says how far the mean would move with
other seeds, on these data and this budget.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

METRICS = {
    ("synthetic-landmarks", "error"): ("68 landmarks, %", "{:+.2f}"),
    ("synthetic-pose", "mae"): ("pose MAE, degrees", "{:+.2f}"),
    ("synthetic-aus", "auc"): ("action units, AUC", "{:+.3f}"),
    ("synthetic-expression", "auc"): ("expressions, AUC", "{:+.3f}"),
}
PAIRS = [
    ("fabnet-curriculum", "fabnet"),
    ("fabnet-longer", "fabnet"),
    ("fabnet-continued", "fabnet-longer"),
    ("fabnet-3source", "fabnet-continued"),
    ("fabnet-3source-paper", "fabnet-continued"),
    ("fabnet-3source", "fabnet"),
    ("fabnet-3source-paper", "fabnet"),
    ("fabnet-3source", "fabnet-longer"),
    ("fabnet-3source-paper", "fabnet-longer"),
]


def main() -> None:
    """Prints the table."""
    found = {
        (cell["variant"], cell["task"], cell["metric"]): dict(zip(cell["seeds"], cell["values"], strict=True))
        for cell in json.loads(Path(__file__).with_name("cells.json").read_text())
    }
    rows = []
    for variant, baseline in PAIRS:
        row = {"difference": f"`{variant}` - `{baseline}`"}
        for metric, (label, form) in METRICS.items():
            own, other = found[variant, *metric], found[baseline, *metric]
            seeds = sorted(own.keys() & other.keys())
            differences = np.array([own[seed] - other[seed] for seed in seeds])
            low, high = stats.t.interval(0.95, len(seeds) - 1, differences.mean(), stats.sem(differences))
            mark = "**" if low > 0 or high < 0 else ""
            row[label] = f"{mark}{form.format(differences.mean())}{mark} [{form.format(low)}, {form.format(high)}]"
        rows.append({**row, "seeds": str(len(seeds))})
    print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
