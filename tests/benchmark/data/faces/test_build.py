"""Building a labelled set: nothing is in two splits, and every fault is counted."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.faces.build import DerivedLabels, RawFaces, build_set
from benchmark.data.faces.crop import Square, centre_square
from benchmark.data.faces.extract import Crops
from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.errors import DataError

N = 20


def image(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def make() -> Callable[..., LabelledSet]:
    def maker(images: dict[int, bytes] | None = None, **fields: Any) -> LabelledSet:
        files = [image(i) for i in range(N)]
        for row, content in (images or {}).items():
            files[row] = content
        known = np.ones(N, np.bool_)
        raw = RawFaces(
            ids=[f"{i}.png" for i in range(N)],
            content=lambda row: files[row],
            **{
                "square": lambda row, height, width: centre_square(height, width),
                "split": np.array(["train"] * 15 + ["test"] * 5),
                "targets": {"pose": Target("pose", np.zeros((N, 3), np.float32), known, ("roll", "pitch", "yaw"))},
                **fields,
            },
        )
        return build_set(raw, "mine", 16, 0, 0.2)

    return maker


def test_frames_are_the_squares_of_their_images(make: Callable[..., LabelledSet]) -> None:
    labelled = make()
    for i in (0, 7, 19):
        picture = Image.open(BytesIO(image(i)))
        expected = picture.resize((16, 16), Image.Resampling.BICUBIC, box=(3, 0, 27, 24))
        difference = np.abs(labelled.frames[i].astype(int) - np.asarray(expected))
        assert difference[2:-2].max() <= 1  # above and below, the border of the image is repeated
    assert (labelled.split == "val").sum() == 3


def test_the_same_image_in_train_and_test_is_refused(make: Callable[..., LabelledSet]) -> None:
    message = r"mine: 4\.png \((train|val)\) and 17\.png \(test\) are the same image in two splits \(1 such in all\)"
    with pytest.raises(DataError, match=message):
        make({4: image(17)})


def test_duplicates_are_dropped_from_the_earlier_split(make: Callable[..., LabelledSet]) -> None:
    labelled = make({4: image(17), 5: image(17)}, duplicates="drop", expected={"train": 15, "test": 5})
    assert len(labelled.frames) == N - 2
    assert labelled.protocol["skipped"] == {"image of a later split too": 2}
    assert labelled.protocol["miscounts"] == []  # counted with the duplicates, as the protocol does
    assert not {"4.png", "5.png"} & set(labelled.image_ids.tolist())
    whole = make()
    for name in ("3.png", "6.png", "19.png"):  # the frames have moved with their names
        np.testing.assert_array_equal(
            labelled.frames[labelled.image_ids == name][0], whole.frames[whole.image_ids == name][0]
        )


def test_the_same_image_twice_in_train_stays_together(make: Callable[..., LabelledSet]) -> None:
    labelled = make({1: image(0), 2: image(0), 3: image(0)})
    assert len({*labelled.split[:4].tolist()}) == 1
    assert labelled.protocol["noted"]["content of another image"] == 3


def test_a_person_in_two_splits_is_refused(make: Callable[..., LabelledSet]) -> None:
    people = np.array([f"person {i % 18}" for i in range(N)])
    with pytest.raises(DataError, match="identity 'person 0' is in"):
        make(identity=people)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"GIF89a"])
def test_broken_images_are_counted(make: Callable[..., LabelledSet], content: bytes) -> None:
    labelled = make({2: content, 18: content})
    assert labelled.protocol["skipped"] == {"image undecodable": 2}
    assert len(labelled.frames) == N - 2


def test_a_split_without_a_usable_face_is_refused(make: Callable[..., LabelledSet]) -> None:
    with pytest.raises(DataError, match="no usable face for test"):
        make(dict.fromkeys(range(15, 20), b""))
    with pytest.raises(DataError, match=r"mine: none of 20 faces can be used: image undecodable \(20\)"):
        make(dict.fromkeys(range(20), b""))


def test_landmarks_outside_the_image_are_noted_and_far_ones_unknown(make: Callable[..., LabelledSet]) -> None:
    points = np.full((N, 2, 2), 12.0)
    points[:, 1] += 3
    points[0, 0] = -2, 5
    points[1, 0] = 5000, 5
    points[16, 1] = 5, 49
    points[7] = 9, 9
    target = Target("landmarks", points, np.ones(N, np.bool_), ("a", "b"), (0, 1))
    labelled = make(targets={"landmarks": target})
    assert labelled.protocol["noted"]["landmarks outside the image"] == 3
    assert labelled.protocol["noted"]["landmarks far outside the image, not used"] == 2
    assert labelled.protocol["noted"]["eye points of landmarks coincide, not used"] == 1
    assert labelled.targets["landmarks"].known.sum() == N - 3


@pytest.mark.parametrize("square", [Square(3, 0, 24), Square(0.3, 0.3, 0.5)], ids=["of the image", "of the points"])
def test_landmarks_in_fractions_are_refused(make: Callable[..., LabelledSet], square: Square) -> None:
    points = np.full((N, 2, 2), 0.4)
    points[:, 1] += 0.2
    target = Target("landmarks", points, np.ones(N, np.bool_), ("a", "b"), (0, 1))
    message = r"mine: target eyes: its eye points are 0\.28 pixels apart.* in pixels of the image, not fractions\?"
    with pytest.raises(DataError, match=message):
        make(targets={"eyes": target}, square=lambda *_: square)


def test_labels_may_depend_on_the_crops_and_on_their_split(make: Callable[..., LabelledSet]) -> None:
    intensities = np.arange(N, dtype=np.float64)[:, None]
    raw_target = Target("aus", intensities, np.ones((N, 1), np.bool_), ("AU12",))

    def derive(crops: Crops, split: NDArray[np.str_]) -> DerivedLabels:
        values = intensities[crops.rows]
        threshold = float(values[split == "train"].max())
        active = (values > threshold).astype(np.float32)
        target = Target("aus", active, np.ones_like(active, np.bool_), ("AU12",))
        bright = np.where(crops.frames.mean((1, 2, 3)) > 127, "bright", "dark")
        return DerivedLabels({"aus": target}, bright, {"threshold": threshold})

    labelled = make({3: b""}, targets={"aus": raw_target}, derive=derive)
    threshold = labelled.protocol["threshold"]
    assert threshold in (13, 14)  # the last row of train may have become val
    rows = [row for row in range(N) if row != 3]
    assert labelled.targets["aus"].values[:, 0].tolist() == [float(row > threshold) for row in rows]
    assert labelled.group is not None
    assert set(labelled.group.tolist()) <= {"bright", "dark"}
