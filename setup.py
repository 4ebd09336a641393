"""The package's long description: README.md without paths of the repository, which a package index cannot resolve.

All else is in pyproject.toml. With a `Repository` under `project.urls` there, pictures and links point to it; without,
pictures are left out and links keep their text alone.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
RELATIVE = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?!\w+://|#)(?P<path>[^)]+)\)")


def long_description(readme: str, repository: str | None) -> str:
    """The README as an index page can show it."""

    def resolved(link: re.Match[str]) -> str:
        picture, text, path = link.group("picture", "text", "path")
        if repository:
            return f"{picture}[{text}]({repository.rstrip('/')}/{'raw' if picture else 'blob'}/HEAD/{path})"
        return "" if picture else text

    return RELATIVE.sub(resolved, readme)


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        long_description=long_description(
            (ROOT / "README.md").read_text(encoding="utf-8"), project["urls"].get("Repository")
        ),
        long_description_content_type="text/markdown",
    )
