"""Sets and sources of a user's own: their settings are as strict as the built-in ones."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.config.load import load, plain, to_yaml
from benchmark.config.own import FaceSet, TrackReader
from benchmark.config.validation import validate
from benchmark.errors import UsageError

pytestmark = pytest.mark.usefixtures("forget_files")

EXAMPLES = Path(__file__).parents[3] / "examples"
SOURCE, SET = str(EXAMPLES / "arrays_source.py"), str(EXAMPLES / "folders_set.py")

OWN_SOURCE = """
from dataclasses import dataclass
from benchmark.config.own import TrackReader, register_source

@register_source("mine", version=1)
@dataclass(frozen=True)
class Mine(TrackReader):
    \"\"\"Mine.\"\"\"
    people: int = 3

    def tracks(self): ...
    def read(self, track): ...
"""


def test_a_source_in_a_file_is_chosen_and_set_as_a_built_in_one() -> None:
    data = load([f"data={SOURCE}", "data.step=2", "data.root=~/x"]).data
    assert isinstance(data, TrackReader)
    assert (data.kind, data.name, data.size, data.root) == (SOURCE, "arrays", 64, str(Path("~/x").expanduser()))
    assert data.describe() | {"code": ""} == {"reader": "arrays", "version": 1, "code": "", "size": 64, "step": 2}


def test_a_preset_may_choose_it(tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text(f"data: {SOURCE}\nsets: {{mine: {{kind: {SET}, root: .}}}}")
    config = load([f"preset={preset}", "data.size=32"])
    assert config.data.kind == SOURCE
    assert isinstance(config.sets["mine"], FaceSet)
    assert config.sets["mine"].size == 32  # that of the data


@pytest.mark.parametrize(
    ("preset", "kind"),
    [
        (f"defaults: [quick]\ndata: {{kind: {SOURCE}, root: /x, step: 2}}", SOURCE),
        (f"defaults: [quick, override /data: {SOURCE}]\ndata: {{root: /x}}", SOURCE),
        ("defaults: [quick]\ndata: {kind: videos, root: /x}", "videos"),
    ],
)
def test_a_preset_may_replace_the_data_of_its_base(tmp_path: Path, preset: str, kind: str) -> None:
    """What the base has set of its own data, their number of identities, is no key of the new data."""
    (tmp_path / "mine.yaml").write_text(preset)
    data = load([f"preset={tmp_path / 'mine.yaml'}"]).data
    assert (data.kind, data.root) == (kind, "/x")


def test_the_configuration_can_be_written_and_read_again() -> None:
    config = load([f"data={SOURCE}", f"sets.mine={{kind: {SET}, suffix: .png}}"])
    assert validate(plain(config)) == config
    assert SET in to_yaml(config)


def test_another_process_reads_it_from_its_file(tmp_path: Path) -> None:
    """As jobs do, which receive the configuration pickled."""
    data = load([f"data={SOURCE}", "data.step=3"]).data
    (tmp_path / "data").write_bytes(pickle.dumps(data))
    code = f"import pickle; print(pickle.load(open({str(tmp_path / 'data')!r}, 'rb')).describe()['step'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "3"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([f"data={SOURCE}", "data.stap=2"], r"unknown key data.stap; did you mean 'data.step'\?"),
        ([f"data={SOURCE}", "data.step=two"], "data.step=two must be a valid integer"),
        ([f"data={SOURCE}", "data.size=2"], "data.size=2 must be greater than or equal to 16"),
        (["data=nowhere.py"], "data.kind: no such file: .*nowhere.py"),
        ([f"data={SET}"], "must register exactly one source of tracks with @register_source"),
        ([f"sets.mine.kind={SET}", "sets.mine.sufix=.png"], "unknown key sets.mine.sufix; did you mean"),
        ([f"sets.mine.kind={SET}", "sets.mine.val_fraction=2"], "sets.mine.val_fraction=2 must be less than 1"),
        (["sets.mine.kind=rafd"], r"unknown sets.mine.kind=rafd; did you mean 'rafdb'\?"),
        (["sets.mine.kind=nowhere:Set"], "sets.mine.kind: module nowhere cannot be imported"),
    ],
)
def test_mistakes_are_one_line(settings: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load(settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@dataclass(frozen=True)", "", "put @dataclass.frozen=True. below"),
        ("(TrackReader)", "", "make it a subclass of TrackReader"),
        ("def read", "def reed", "has no `read`; define it"),
        ('"""Mine."""', "", "has no docstring"),
        ('"mine"', '"videos"', "'videos' is the name of a built-in source of tracks; choose another"),
        ('"mine"', f'"{"m" * 300}"', "use up to 64 lower case letters"),
        ("people: int = 3", "people: tuple[int, ...] = (3,)", "data.people: .* makes it a tuple"),
    ],
)
def test_what_a_class_lacks_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN_SOURCE.replace(old, new))
    with pytest.raises(UsageError, match=message) as caught:
        load([f"data={path}"])
    assert "\n" not in str(caught.value)


def test_an_edited_file_or_helper_is_another_set_of_data(tmp_path: Path) -> None:
    path, helper = tmp_path / "own.py", tmp_path / "own_source_helper.py"
    path.write_text("import own_source_helper\n" + OWN_SOURCE)
    helper.write_text("")
    data = load([f"data={path}"]).data
    assert isinstance(data, TrackReader)
    before = data.describe()
    helper.write_text("x = 1")
    assert data.describe() != before
