"""The examples of a method, an encoder, a source, a set, a head and a metric as files of a user, and data for them."""

from pathlib import Path

import numpy as np
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"
PARTS = ("denoise", "small_encoder", "arrays_source", "folders_set", "random_features_head", "brier_metric")


def write_data(place: Path, people: int = 12) -> None:
    """``arrays``: a track of each person; ``faces``: two classes of images of another brightness."""
    rng = np.random.default_rng(0)
    for person in range(people):
        (place / f"arrays/id{person}").mkdir(parents=True)
        np.save(place / f"arrays/id{person}/a.npy", rng.integers(0, 255, (3, 16, 16, 3), np.uint8))
    for name, darkest in (("dark", 0), ("light", 120)):
        (place / "faces" / name).mkdir(parents=True)
        for number in range(20):
            image = Image.fromarray(rng.integers(darkest, darkest + 120, (16, 16, 3)).astype(np.uint8))
            image.save(place / f"faces/{name}/{number}.png")


def own_settings(parts: Path, place: Path) -> list[str]:
    """Settings of a benchmark of the parts in a folder and the data that `write_data` made in another."""
    return [
        f"encoder.name={parts / 'small_encoder.py'}",
        "encoder.width=4",
        "encoder.dim=8",
        f"data={parts / 'arrays_source.py'}",
        f"data.root={place / 'arrays'}",
        "data.size=16",
        f"sets.mine={{kind: {parts / 'folders_set.py'}, root: {place / 'faces'}, suffix: .png}}",
        "task.mine={set: mine, target: class}",
        "tasks=mine",
        f"probe.heads=[exact,{parts / 'random_features_head.py'}]",
        "probe.options.random_features.hidden=16",
        "probe.table_head=random_features",
        f"probe.metrics=[{parts / 'brier_metric.py'}]",
    ]


def copy_with_helper(folder: Path) -> None:
    """The parts as files that import a module beside them; by it, the Brier score is twice that of the example."""
    folder.mkdir()
    (folder / "own_parts_helper.py").write_text("FACTOR = 2\n")
    for name in PARTS:
        text = (EXAMPLES / f"{name}.py").read_text().replace("** 2).sum(1)", "** 2).sum(1) * own_parts_helper.FACTOR")
        (folder / f"{name}.py").write_text(f"import own_parts_helper\n\nassert own_parts_helper.FACTOR\n{text}")
