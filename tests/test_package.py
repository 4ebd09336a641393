"""What is in the wheel, and that version and release date are stated alike."""

import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message

import pytest
import yaml

from benchmark import __version__
from setup import long_description
from tests.pages import ROOT

PACKAGES = ("benchmark", "methods", "plugins", "probes", "slurm")
DATA = (".py", ".yaml", ".npz", ".typed", ".html", ".css", ".js")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of these sources, built in a copy so that nothing is left behind in the clone."""
    folder = tmp_path_factory.mktemp("package")
    for name in (*PACKAGES, "examples", "tests", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, folder)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder / "dist"),
        str(folder),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return zipfile.ZipFile(next((folder / "dist").glob("*.whl")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    """The wheel's METADATA."""
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(name))


def test_has_all_packages_with_their_data(wheel: zipfile.ZipFile) -> None:
    sources = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in DATA and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name and ".data/" not in name}
    assert packed == sources


def test_ships_the_examples(wheel: zipfile.ZipFile) -> None:
    assert any(name.endswith("share/fab-bench/examples/denoise.py") for name in wheel.namelist())


def test_states_the_version_of_the_package(metadata: Message) -> None:
    assert metadata["Version"] == __version__


def test_description_has_no_path_of_the_repository(metadata: Message) -> None:
    description = metadata.get_payload()
    assert isinstance(description, str)
    assert "# fab-bench" in description
    assert all("://" in target for target in re.findall(r"\]\(([^)]+)\)", description))


def test_description_links_to_the_repository_where_it_is_known() -> None:
    text = "![Faces](docs/tracks.jpg) [Data](docs/data.md#voxceleb) [paper](https://example.org)"
    assert long_description(text, "https://example.org/fab") == (
        "![Faces](https://example.org/fab/raw/HEAD/docs/tracks.jpg) "
        "[Data](https://example.org/fab/blob/HEAD/docs/data.md#voxceleb) [paper](https://example.org)"
    )
    assert long_description(text, None) == " Data [paper](https://example.org)"


def test_citation_is_of_the_last_release() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    release = re.search(r"^## (\S+) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert release is not None
    assert (citation["version"], str(citation["date-released"])) == release.groups()
