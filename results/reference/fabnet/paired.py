"""Paired differences between FAb-Net's variants with their intervals, from cells.json in this folder, as Markdown.

Differences are taken seed by seed. Intervals are Student's t over seeds: they cover what other seeds would change, on
these data and with this budget. Their level is 95 %, corrected for the nine differences of a task (Bonferroni).
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
LEVEL = 1 - 0.05 / len(PAIRS)


def main() -> None:
    """Prints the table."""
    scores = {
        (cell["variant"], cell["task"], cell["metric"]): dict(zip(cell["seeds"], cell["values"], strict=True))
        for cell in json.loads(Path(__file__).with_name("cells.json").read_text())
    }
    rows = []
    for variant, baseline in PAIRS:
        row = {"difference": f"`{variant}` - `{baseline}`"}
        for metric, (label, number) in METRICS.items():
            of_variant, of_baseline = scores[variant, *metric], scores[baseline, *metric]
            seeds = sorted(of_variant.keys() & of_baseline.keys())
            differences = np.array([of_variant[seed] - of_baseline[seed] for seed in seeds])
            low, high = stats.t.interval(LEVEL, len(seeds) - 1, differences.mean(), stats.sem(differences))
            mark = "**" if low > 0 or high < 0 else ""
            row[label] = (
                f"{mark}{number.format(differences.mean())}{mark} [{number.format(low)}, {number.format(high)}]"
            )
        rows.append({**row, "seeds": str(len(seeds))})
    print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
