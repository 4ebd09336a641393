"""Every head and metric keeps the contract: built-in ones, the examples, and whatever is added later."""

import json
from pathlib import Path

import numpy as np
import pytest

from probes.errors import ProbeError
from probes.metric import Metric
from probes.probe import head_of, predict, probe
from probes.registry import HEADS, METRICS
from probes.scores import HEADLINE
from probes.target import take
from probes.trial import FACES, random_predictions, try_head, try_metric
from probes.trial import example as labels_for_trial

from .examples import KINDS, example

pytestmark = pytest.mark.usefixtures("forget_files")

EXAMPLES = Path(__file__).parents[2] / "examples"
ALL_HEADS = [*HEADS.names(), *map(str, sorted(EXAMPLES.glob("*_head.py")))]
ALL_METRICS = [*METRICS.names(), *map(str, sorted(EXAMPLES.glob("*_metric.py")))]
SHORT = {"linear": {"steps": 60, "batch": 64, "every": 20}}


@pytest.fixture(params=ALL_HEADS, ids=lambda target: Path(target).stem)
def head(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=ALL_METRICS, ids=lambda target: Path(target).stem)
def metric(request: pytest.FixtureRequest) -> Metric:
    return METRICS.get(request.param)()


def test_a_head_passes_the_trial(head: str) -> None:
    try_head(head_of(head, SHORT))


def test_a_head_says_what_it_is(head: str) -> None:
    found = HEADS.get(head)
    assert found.__doc__
    assert len(found.title) < 60


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_is_no_worse_than_the_mean_floor(head: str, kind: str) -> None:
    """On features that tell the labels in part."""
    target, split, features = example(kind, n=400)
    name = HEADS.get(head).name
    heads = dict.fromkeys([head, "mean"])
    probed = probe(target, split, features, heads=[*heads], options=SHORT).record["heads"]
    json.dumps(probed, allow_nan=False)
    metric, sign = HEADLINE[kind]
    own, floor = (sign * probed[each]["metrics"][metric]["value"] for each in (name, "mean"))
    assert own > floor or name == "mean"


def test_a_head_predicts_what_was_scored(head: str) -> None:
    target, split, features = example("pose")
    name = HEADS.get(head).name
    probed = probe(target, split, features, heads=[head], options=SHORT)
    rows, angles = predict(target, split, features, head=head, options=SHORT)
    errors = np.abs(angles - target.values[rows])  # of a second fit: the same seed gives the same head
    assert probed.arrays[f"{name}.errors"] == pytest.approx(errors, rel=1e-4, abs=1e-4)


def test_a_metric_passes_the_trial(metric: Metric) -> None:
    try_metric(metric)


def test_a_metric_without_a_unit_is_what_is_measured_without_it(metric: Metric) -> None:
    units = np.arange(FACES) % 12
    for kind in metric.kinds:
        labels = labels_for_trial(kind)
        predictions = random_predictions(labels)
        without = metric.without(labels, predictions, units)
        for unit in range(12):
            rows = np.flatnonzero(units != unit)
            values = metric.measure(take(labels, rows), predictions[rows]).values
            assert without.keys() == values.keys()
            for name, value in values.items():
                expected = np.nan if value.known is None else value.known
                assert without[name][unit] == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_a_metric_says_what_it_is(metric: Metric) -> None:
    assert metric.__doc__
    assert len(metric.label or metric.name) < 40


HEAD = """
import numpy as np
from probes.head import Affine, Head
from probes.registry import register_head

@register_head("mine", version=1)
class Mine(Head):
    title = "mine"

    def fit(self, train, val, coding, seed):
        weight = np.zeros((train.features.shape[1], coding.width))
        return Affine(weight, coding.base, {}, {})
"""
METRIC = """
import numpy as np
from probes.metric import HIGHER, Measured, Metric, Value
from probes.registry import register_metric

@register_metric("mine", version=1)
class Mine(Metric):
    kinds = ("pose",)
    unit = "deg"
    better = HIGHER

    def per_image(self, target, predictions):
        return np.abs(predictions - target.values).max(1)
"""


def test_files_that_lack_nothing_pass(tmp_path: Path) -> None:
    try_head(head_of(str(write(tmp_path, HEAD))))
    try_metric(METRICS.get(str(write(tmp_path, METRIC)))())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "mine"', "", "has no title; set title = "),
        ("def fit(", "def fitt(", "has no `fit`; define fit"),
        ("(Head)", "(object)", "make it a subclass of probes.head.Head"),
        ('title = "mine"', 'title = "mine"; Options = dict', "Options must be a dataclass"),
        ('"mine", version', '"exact", version', "head 'exact' is registered twice"),
        ("version=1", "version='1'", "must be an int"),
        ("coding.width", "coding.width + 1", "head mine, tried on landmarks: .*operands|outputs of shape"),
        ("coding.base", "np.full(coding.width, np.nan)", "tried on landmarks: its outputs are not finite"),
        ("{}, {}", "{'k': np.int64(3)}, {}", "`choice` cannot be written as JSON"),
        ("weight =", "raise SystemExit(3) #", r"tried on landmarks \(.*plugin0\.py, line 11\): SystemExit"),
        ("return", "pass #", "tried on landmarks: TypeError"),
    ],
)
def test_a_head_that_cannot_work_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ProbeError, match=message) as caught:
        try_head(head_of(str(write(tmp_path, HEAD.replace(old, new, 1)))))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('unit = "deg"', "", "has no unit"),
        ("better = HIGHER", "", "set better = LOWER or HIGHER"),
        ('("pose",)', '"pose"', "must be a tuple of kinds of target: landmarks, pose"),
        ('("pose",)', '("gaze",)', "must be a tuple of kinds"),
        ("def per_image", "def per_face", "has neither `per_image` nor `measure`"),
        ("(Metric)", "(object)", "make it a subclass of probes.metric.Metric"),
        (".max(1)", ".max(5)", r"tried on pose \(.*plugin0\.py, line 13\): AxisError"),
        (".max(1)", "[:3, 0]", r"per_image gives \(3,\) for 40 images"),
        (".max(1)", "", r"per_image gives \(40, 3\) for 40 images, not \(40,\)"),
        ("def per_image", "def without(self, *a): return {}['x']\n    def per_image", "tried on pose .*: KeyError"),
        ("def per_image", "def measure", "`measure` gives ndarray, not Measured"),
        (
            "def per_image",
            "def measure(self, *a): return Measured({'x': Value(1, 1)})\n    def per_image",
            "and no mine",
        ),
    ],
)
def test_a_metric_that_cannot_work_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ProbeError, match=message) as caught:
        try_metric(METRICS.get(str(write(tmp_path, METRIC.replace(old, new, 1))))())
    assert "\n" not in str(caught.value)


def write(folder: Path, content: str) -> Path:
    """A file of its own in a folder."""
    path = folder / f"plugin{len(list(folder.iterdir()))}.py"
    path.write_text(content)
    return path
