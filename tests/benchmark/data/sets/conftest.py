"""Built-in faces for the small copies of published sets, and a reader of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.config.sets import SET_KINDS
from benchmark.data.catalogue import make_set
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.synthetic import labelled_faces
from tests.benchmark.data.sets.lookalikes import Faces


@pytest.fixture(scope="session")
def faces() -> Faces:
    return Faces(labelled_faces(size=96, train=48, val=4, test=4, frames_per_identity=4, seed=3))


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., LabelledSet]:
    """Read a set of ``kind`` from a folder, as the pipeline does."""

    def reader(kind: str, root: Path, **values: Any) -> LabelledSet:
        config = SET_KINDS[kind](**{"root": str(root), "size": 32, **values})
        return LabelledSet.load(make_set("mine", config, str(tmp_path / "cache"), 1, lambda done, total: None))

    return reader
