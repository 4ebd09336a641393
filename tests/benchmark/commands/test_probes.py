"""`fabbench probes`."""

from pathlib import Path

import pytest

from tests.benchmark.own_parts import EXAMPLES
from tests.benchmark.tiny import call

pytestmark = pytest.mark.usefixtures("forget_files")


@pytest.mark.parametrize(
    ("docstring", "shown"), [("", "linear on random ReLU features"), ('"""\n    Said below.\n    """', "Said below.")]
)
def test_a_head_of_ones_own_is_listed_with_any_docstring(tmp_path: Path, docstring: str, shown: str) -> None:
    example = (EXAMPLES / "random_features_head.py").read_text()
    head = tmp_path / "head.py"
    head.write_text(example.replace('"""Reads what is in an embedding, but not linearly."""', docstring))
    finished = call("probes", f"probe.heads=[exact,{head}]")
    assert finished.code == 0, finished.err
    (line,) = [line for line in finished.out.splitlines() if line.startswith(f" *{head}")]
    assert line.endswith(shown)
