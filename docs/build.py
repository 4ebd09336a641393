"""Puts what tests execute into the README: `make docs` after a change of examples/denoise.py."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "denoise.py"
README = ROOT / "README.md"
BLOCK = re.compile(r"(?<=<!-- examples/denoise\.py -->\n```python\n).*?(?=```)", re.DOTALL)


def built() -> str:
    """The README with the example method as it is now."""
    text, count = BLOCK.subn(lambda _: EXAMPLE.read_text(), README.read_text())
    if count != 1:
        raise SystemExit(f"{README} has {count} places for {EXAMPLE.name}, not one")
    return text


if __name__ == "__main__":
    README.write_text(built())
