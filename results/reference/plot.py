"""Plot of scores against training steps, from the cells in this folder: `python results/reference/plot.py`."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
PANELS = {
    ("synthetic-landmarks", "error"): "68 landmarks, % of outer-eye distance (lower is better)",
    ("synthetic-pose", "mae"): "head pose, MAE in degrees (lower is better)",
    ("synthetic-expression", "auc"): "8 expressions, mean AUC (higher is better)",
    ("synthetic-aus", "auc"): "11 action units, mean AUC (higher is better)",
}
COLOURS = {"fabnet": "C3", "autoencoder": "C0", "rotation": "C2", "split_brain": "C1", "supervised": "black"}
FLOORS = {"pixels": ":", "random": "--"}


def main() -> None:
    """Writes budget.png: one panel for each task, one line for each method; mean and standard deviation over seeds."""
    studies = {int(path.stem.split("-")[1]): path for path in HERE.glob("steps-*-exact.json")}
    cells = [{**cell, "steps": steps} for steps in sorted(studies) for cell in json.loads(studies[steps].read_text())]
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    for axis, ((task, metric), title) in zip(axes.flat, PANELS.items(), strict=True):
        panel = [
            cell for cell in cells if (cell["task"], cell["metric"]) == (task, metric) and cell["mean"] is not None
        ]
        for variant, colour in COLOURS.items():
            points = [cell for cell in panel if cell["variant"] == variant]
            axis.errorbar(
                [cell["steps"] for cell in points],
                [cell["mean"] for cell in points],
                [cell["std"] or 0 for cell in points],
                color=colour,
                marker="o",
                capsize=3,
                label=variant,
            )
        for variant, style in FLOORS.items():
            points = [cell for cell in panel if cell["variant"] == variant]
            if points:
                axis.axhline(points[-1]["mean"], color="grey", linestyle=style, label=variant)
        axis.set(title=title, xlabel="training steps of 32 samples", xscale="log")
        ticks = sorted(studies)
        axis.set_xticks(ticks, [str(steps) for steps in ticks])
        axis.minorticks_off()
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=7)
    figure.savefig(HERE / "budget.png", dpi=110)


if __name__ == "__main__":
    main()
