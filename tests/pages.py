"""The code blocks of README.md and docs/, and the `fabbench` commands in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block; ``title`` is the name of the file it shows, if any."""

    language: str
    title: str | None
    text: str


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a language on a page, in order."""
    found = [Block(match["language"], match["title"], match["text"]) for match in BLOCK.finditer(page.read_text())]
    return [block for block in found if block.language == language]


def commands(page: Path) -> list[list[str]]:
    """The words of every `fabbench` command in the shell blocks of a page, without `fabbench` itself."""
    lines = [line for block in blocks(page, "sh") for line in block.text.replace("\\\n", " ").splitlines()]
    split = [shlex.split(part, comments=True) for line in lines for part in line.split("; ")]
    return [words[1:] for words in split if words[:1] == ["fabbench"]]
