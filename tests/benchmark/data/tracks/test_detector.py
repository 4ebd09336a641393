"""Crops by a face detector, tested with detector weights for which red squares are faces."""

import os
import pickle
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmark.config.data import ConcatData, FrameData, VideoData, VoxCelebData
from benchmark.data.catalogue import source, store_folder
from benchmark.data.synthetic import SyntheticTracks
from benchmark.data.tracks.crop import FACE_BELOW, FACE_SIDE, Crop, face_square
from benchmark.data.tracks.detector import Boxes, FaceDetector, track_face
from benchmark.data.tracks.frames import FrameFolder
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawFrame, RawTrack, SkippedFrame, SkipTrack, TrackSource
from benchmark.data.tracks.store import TrackStore
from benchmark.data.tracks.summary import summarise
from benchmark.data.tracks.videos import VideoFolder
from benchmark.errors import DataError, UsageError
from tests.benchmark.data.spots import RED, write_spot_detector
from tests.benchmark.tiny import call

YUNET = "FABBENCH_YUNET"  # environment variable with the path of YuNet's own weights

Spot = tuple[int, int, int]  # left, top and side, pixels


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_spot_detector(tmp_path_factory.mktemp("weights") / "spots.onnx")


@pytest.fixture
def detector(weights: Path) -> FaceDetector:
    return FaceDetector(weights)


def picture(*spots: Spot, width: int = 256, height: int = 256) -> Image.Image:
    """A grey image with red squares, brighter to the right."""
    shade = np.linspace(60, 140, width, dtype=np.uint8)
    pixels = np.repeat(np.broadcast_to(shade, (height, width))[..., None], 3, axis=2).copy()
    for left, top, side in spots:
        pixels[max(top, 0) : top + side, max(left, 0) : left + side] = RED
    return Image.fromarray(pixels)


def write_folder(folder: Path, pictures: Sequence[Image.Image]) -> None:
    folder.mkdir(parents=True)
    for number, image in enumerate(pictures):
        image.save(folder / f"{25 * number:07}.png")


def write_clip(path: Path, pictures: Sequence[Image.Image], aspect: Fraction | None = None) -> None:
    """Write a video with one picture per second."""
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *pictures[0].size, "yuv420p", 4_000_000
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for image in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(image))))
        container.mux(stream.encode())


def read(source: TrackSource) -> list[Frame | SkippedFrame]:
    (track,) = source.tracks()
    return list(source.read(track))


def usable(frames: Iterable[Frame | SkippedFrame]) -> list[Frame]:
    """The frames, none of which may be skipped."""
    usable = []
    for frame in frames:
        assert isinstance(frame, Frame)
        usable.append(frame)
    return usable


def spot_in(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Left, top, right and bottom of the red pixels of a frame, in fractions of its side."""
    pixels = image.astype(int)
    red = 2 * pixels[..., 0] - pixels[..., 1] - pixels[..., 2] > 250
    (rows,), (columns,) = np.nonzero(red.any(1)), np.nonzero(red.any(0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
    return box / len(image)


def expected_box(side: int) -> NDArray[np.float64]:
    """Box of a spot of this side in the square cropped around it."""
    square = FACE_SIDE * side
    x, y = (square - side) / 2, (square - side) / 2 - FACE_BELOW * square
    return np.array([x, y, x + side, y + side], np.float64) / square


def test_boxes_are_in_fractions_of_the_image(detector: FaceDetector) -> None:
    found = detector.find(picture((64, 80, 48), (160, 32, 24)))
    assert found[found[:, 0].argsort()] == pytest.approx(np.array([[64, 80, 112, 128], [160, 32, 184, 56]]) / 256)
    large = picture((64, 80, 48)).resize((1024, 1024), Image.Resampling.NEAREST)
    assert detector.find(large) == pytest.approx(np.array([[64, 80, 112, 128]]) / 256)
    assert detector.find(picture()).shape == (0, 4)


def test_boxes_in_images_that_are_not_square(detector: FaceDetector) -> None:
    wide = detector.find(picture((64, 64, 48), width=256, height=192))  # 32 rows of rim more above
    assert wide == pytest.approx(np.array([[64 / 256, 64 / 192, 112 / 256, 112 / 192]]))
    narrow = picture((64, 64, 48)).resize((128, 256), Image.Resampling.BOX)
    assert detector.find(narrow, pixel_aspect=2.0) == pytest.approx(np.array([[0.25, 0.25, 0.4375, 0.4375]]))
    assert detector.find(picture(width=1, height=3000)).shape == (0, 4)


def test_track_face_is_the_median_of_the_face_in_most_frames() -> None:
    def boxes(*rows: Sequence[float]) -> Boxes:
        return np.array(rows, np.float64).reshape(-1, 4)

    own = [boxes((0.1 + x, 0.2, 0.3 + x, 0.4)) for x in (0, 0.01, 0.02, 0.03, 0.15)]
    flash = boxes((0.5, 0, 1, 0.9))
    other = boxes((0.8, 0.8, 0.9, 0.9))
    found = [np.vstack([other, own[0]]), *own[1:], flash, boxes(), np.vstack([own[2], flash])]
    assert track_face(found) == pytest.approx(np.array([[0.12, 0.2, 0.32, 0.4]]))
    assert track_face([boxes(), boxes()]).shape == (0, 4)
    assert track_face([]).shape == (0, 4)


def test_two_faces_that_alternate_as_the_larger_are_not_mixed() -> None:
    left, right = np.array([0.1, 0.1, 0.3, 0.3]), np.array([0.6, 0.1, 0.8, 0.3])
    grow = np.array([0, 0, 0.01, 0.01])
    found = [np.stack([left + grow * (i % 2), right + grow * (1 - i % 2)]) for i in range(500)]
    (face,) = track_face(found)
    assert min(np.abs(face - left).max(), np.abs(face - right).max()) <= 0.01


def test_square_is_moved_into_the_image_and_shrunk_to_fit() -> None:
    face = np.array([0.4, 0.4, 0.6, 0.6])  # 100 x 100 pixels
    side = round(FACE_SIDE * 100)
    assert face_square(500, 500, face) == (round(250 - side / 2), round(250 + FACE_BELOW * 122 - side / 2), side)
    assert face_square(500, 500, face, tighten=2)[2] == side / 2
    assert face_square(500, 500, face - [0.4, 0.4, 0.4, 0.4]) == (0, 0, side)
    assert face_square(500, 500, face + 0.4) == (500 - side, 500 - side, side)
    assert face_square(500, 300, face, tighten=0.1) == (100, 0, 300)
    assert face_square(20.5, 3, np.array([0.5, 0.5, 0.5, 0.5])) == (10, 1, 1)


def test_one_square_per_track_keeps_head_motion(tmp_path: Path, detector: FaceDetector) -> None:
    lefts = [48, 64, 64, 80, 64]
    write_folder(tmp_path / "id1/v", [picture((left, 96, 48)) for left in lefts])
    frames = read(FrameFolder(tmp_path, 64, detector=detector))
    places = np.array([spot_in(frame.image) for frame in frames if isinstance(frame, Frame)])
    middle = expected_box(48)
    assert places[1] == pytest.approx(middle, abs=0.03)
    moved = (np.array(lefts) - 64) / (FACE_SIDE * 48)
    seen = places[:, [0, 2]].mean(1) - places[1, [0, 2]].mean()
    assert seen[[1, 2, 4]] == pytest.approx([0, 0, 0])
    assert np.sign(seen) == pytest.approx(np.sign(moved))
    assert places[0, 2] - middle[2] == pytest.approx(moved[0], abs=0.03)


def test_other_faces_missing_faces_and_faces_elsewhere(tmp_path: Path, detector: FaceDetector) -> None:
    face, other = (64, 96, 48), (192, 32, 24)
    pictures = [picture(face, other), picture(face), picture(), picture(other), picture(face, (128, 0, 96))]
    write_folder(tmp_path / "id1/v", pictures)
    *found, elsewhere, last = read(FrameFolder(tmp_path, 64, detector=detector))
    first, second, none, last = usable([*found, last])
    for frame in (first, second, last):
        assert spot_in(frame.image) == pytest.approx(expected_box(48), abs=0.03)
        assert frame.notes == ("resized",)
    assert none.notes == ("no face found in it, cropped as its track", "resized")
    assert elsewhere == SkippedFrame("0000075.png", "face is elsewhere")


def test_tracks_without_a_face_are_skipped_and_counted(tmp_path: Path, weights: Path) -> None:
    write_folder(tmp_path / "raw/id1/none", [picture()] * 3)
    write_folder(tmp_path / "raw/id2/one", [picture((64, 96, 48))] * 3)
    (tmp_path / "raw/id3/broken").mkdir(parents=True)
    (tmp_path / "raw/id3/broken/1.png").write_bytes(b"")
    data = FrameData(root=str(tmp_path / "raw"), size=32, detector=str(weights))
    manifest = TrackPacker(source(data), tmp_path / "store", split_seed=0).pack()
    assert manifest["counts"]["total"] == {"identities": 1, "tracks": 1, "frames": 3}
    skipped = {reason: found["examples"] for reason, found in manifest["skipped"]["tracks"].items()}
    assert skipped == {"no face found": ["id1/none"], "fewer than 2 usable frames": ["id3/broken: 0 usable"]}
    assert "skipped tracks: 1 x no face found, e.g. id1/none" in summarise(manifest)
    with pytest.raises(SkipTrack, match="no face found"):
        list(source(data).read(RawTrack("id1", "id1/none", "id1/none")))


@pytest.mark.parametrize("aspect", [None, Fraction(2, 1)])
def test_videos(tmp_path: Path, detector: FaceDetector, aspect: Fraction | None) -> None:
    shown = picture((64, 96, 48), (192, 160, 24), width=256, height=256)
    stored = shown if aspect is None else shown.resize((128, 256), Image.Resampling.BOX)
    write_clip(tmp_path / "id1/a.avi", [stored] * 3, aspect)
    frames = usable(read(VideoFolder(tmp_path, size=64, detector=detector)))
    assert len(frames) == 3
    for frame in frames:
        assert spot_in(frame.image) == pytest.approx(expected_box(48), abs=0.04)


def test_frames_of_several_sizes_are_cropped_alike(tmp_path: Path, detector: FaceDetector) -> None:
    """VoxCeleb1's frames were cropped one by one, to different sizes."""
    whole = picture((64, 96, 48))
    write_folder(tmp_path / "id1/v", [whole, whole.resize((512, 512)), whole.resize((192, 192))])
    frames = usable(read(FrameFolder(tmp_path, 64, detector=detector)))
    for frame in frames:
        assert spot_in(frame.image) == pytest.approx(expected_box(48), abs=0.04)


def test_both_voxceleb_sets_are_cropped_alike(tmp_path: Path, weights: Path) -> None:
    write_folder(tmp_path / "unzippedFaces/A/1.6/v", [picture((32, 64, 96))] * 2)
    write_clip(tmp_path / "dev/mp4/id1/v/00001.mp4", [picture((144, 32, 48))] * 2)
    vox = source(VoxCelebData(vox1=str(tmp_path), vox2=str(tmp_path), size=64, detector=str(weights)))
    for track in vox.tracks():
        for frame in usable(vox.read(track)):
            assert spot_in(frame.image) == pytest.approx(expected_box(48), abs=0.04), track
    described = vox.describe()
    assert described["crop"] == "detector"
    assert described["parts"]["vox1"]["crop"] == described["parts"]["vox2"]["crop"]


def test_concatenated_parts_share_the_detector_unless_they_have_their_own(tmp_path: Path, weights: Path) -> None:
    write_folder(tmp_path / "a/id1/v", [picture((64, 96, 48))] * 2)
    write_clip(tmp_path / "b/id2/v.avi", [picture((144, 32, 48))] * 2)
    parts: list[Any] = [
        {"kind": "frames", "root": str(tmp_path / "a")},
        {"kind": "videos", "root": str(tmp_path / "b")},
    ]
    concat = source(ConcatData(parts=parts, size=64, detector=str(weights)))
    for track in concat.tracks():
        for frame in usable(concat.read(track)):
            assert spot_in(frame.image) == pytest.approx(expected_box(48), abs=0.04), track
    parts[0]["detector"] = None
    one = source(ConcatData(parts=parts, size=64, detector=str(weights))).describe()["parts"]
    assert [part["crop"]["kind"] for part in one] == ["centre square", "face square, one a track"]
    assert store_folder(ConcatData(parts=parts, detector=str(weights)), "c") != store_folder(
        ConcatData(parts=parts), "c"
    )


def test_description_without_a_detector_is_unchanged(tmp_path: Path) -> None:
    """The description is part of the hash of stores made before detectors were supported."""
    write_folder(tmp_path / "id1/v", [picture()] * 2)
    assert source(FrameData(root=str(tmp_path), size=32)).describe() == {
        "reader": "frames",
        "version": 1,
        "size": 32,
        "crop": {"kind": "centre square", "tighten": 1.0, "resize": "bicubic, antialiased"},
    }
    assert source(VideoData(root=str(tmp_path), size=32, tighten=1.5)).describe() == {
        "reader": "videos",
        "version": 1,
        "fps": 1.0,
        "max_frames": None,
        "size": 32,
        "crop": {"kind": "centre square", "tighten": 1.5, "resize": "bicubic, antialiased"},
    }


def test_store_hash_depends_on_the_detector(tmp_path: Path, weights: Path) -> None:
    write_folder(tmp_path / "raw/id1/v", [picture((64, 96, 48))] * 2)
    other = write_spot_detector(tmp_path / "other.onnx", gain=1.2)
    settings: list[dict[str, Any]] = [
        {},
        {"detector": str(weights)},
        {"detector": str(other)},
        {"detector": str(weights), "tighten": 0.8},
    ]
    sources = [source(FrameData(root=str(tmp_path / "raw"), size=32, **own)) for own in settings]
    made = [TrackPacker(frames, tmp_path / f"store{i}", split_seed=0).pack() for i, frames in enumerate(sources)]
    assert len({manifest["hash"] for manifest in made}) == 4
    assert made[1]["shards"] == made[2]["shards"]
    assert str(tmp_path) not in str(made[1]["source"])
    assert "opencv-python-headless" in made[1]["versions"]
    with pytest.raises(DataError, match=r"store1: holds a track store made with other settings \(.*crop\.weights"):
        TrackPacker(
            source(FrameData(root=str(tmp_path / "raw"), size=32, **settings[2])), tmp_path / "store1", split_seed=0
        ).pack()


def test_store_does_not_depend_on_workers(tmp_path: Path, weights: Path) -> None:
    for number in range(10):
        write_folder(tmp_path / f"raw/id{number}/v", [picture((16 * number, 96, 48))] * 2)
    frames = source(FrameData(root=str(tmp_path / "raw"), size=32, detector=str(weights)))
    frames.tracks()
    frames = pickle.loads(pickle.dumps(frames))
    one, two = (TrackPacker(frames, tmp_path / f"store{n}", split_seed=0, slice_size=3).pack(workers=n) for n in (1, 2))
    assert one["hash"] == two["hash"]
    assert one["counts"]["total"]["tracks"] == 10


def test_opencv_uses_one_thread(detector: FaceDetector) -> None:
    import cv2

    detector.check()
    assert cv2.getNumThreads() == 1


def test_frames_of_long_tracks_are_not_kept_in_memory(detector: FaceDetector) -> None:
    made: list[weakref.ref[Image.Image]] = []

    def pictures() -> Iterator[RawFrame]:
        for number in range(20):
            image = picture((64, 96, 48))
            made.append(weakref.ref(image))
            yield RawFrame(str(number), image)

    held = [sum(image() is not None for image in made) for _ in Crop(32, detector=detector).apply(pictures)]
    assert len(held) == 20
    assert max(held) <= 3


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", bytes(range(256)) * 9])
def test_wrong_weights_are_refused_before_any_work(tmp_path: Path, content: bytes) -> None:
    write_folder(tmp_path / "raw/id1/v", [picture()] * 2)
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(content)
    words = ["data=frames", f"data.root={tmp_path / 'raw'}", f"data.store={tmp_path / 'store'}", "data.size=32"]
    finished = call("prepare", *words, f"data.detector={wrong}")
    assert (finished.code, finished.out) == (1, "")
    (line,) = finished.err.strip().splitlines()
    assert f"wrong.onnx: its {len(content):,} bytes are not YuNet to OpenCV; expected face_detection_yunet" in line
    assert not (tmp_path / "store").exists()
    finished = call("prepare", *words, f"data.detector={tmp_path / 'none.onnx'}", "--dry-run")
    assert finished.code == 1
    assert "none.onnx: no such file; expected face_detection_yunet_2023mar.onnx" in finished.err


def test_missing_opencv_is_reported_unless_the_store_is_complete(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "raw/id1/v", [picture((64, 96, 48))] * 2)
    frames = source(FrameData(root=str(tmp_path / "raw"), size=32, detector=str(weights)))
    made = TrackPacker(frames, tmp_path / "store", split_seed=0).pack()
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert TrackPacker(frames, tmp_path / "store", split_seed=0).pack() == made
    with pytest.raises(DataError, match=r"pip install 'fab-bench\[detector\]'"):
        TrackPacker(frames, tmp_path / "other", split_seed=0).pack()
    assert not (tmp_path / "other").exists()


def test_tighten_below_one_needs_a_detector(tmp_path: Path, weights: Path) -> None:
    source(VideoData(root=str(tmp_path), tighten=0.8, detector=str(weights)))
    with pytest.raises(UsageError, match="tighten must be 1"):
        source(VideoData(root=str(tmp_path), tighten=0.8))
    with pytest.raises(UsageError, match="tighten must be above 0"):
        source(VideoData(root=str(tmp_path), tighten=0, detector=str(weights)))


def test_command_line(tmp_path: Path, weights: Path) -> None:
    write_folder(tmp_path / "raw/id1/v", [picture((64, 96, 48))] * 3)
    words = ["data=frames", f"data.root={tmp_path / 'raw'}", f"cache={tmp_path / 'cache'}", "data.size=32"]
    words.append(f"data.detector={weights}")
    finished = call("prepare", *words)
    assert finished.code == 0, finished.err
    assert call("data", "show", "tracks", *words, f"out={tmp_path / 'runs'}").code == 0
    (folder,) = (tmp_path / "cache/tracks").iterdir()
    assert spot_in(TrackStore(folder).frame(0, 0)) == pytest.approx(expected_box(48), abs=0.06)


@pytest.mark.skipif(YUNET not in os.environ, reason=f"{YUNET} names no weights")
def test_yunet_finds_the_rendered_faces() -> None:
    yunet = FaceDetector(Path(os.environ[YUNET]))
    yunet.check()
    faces = SyntheticTracks(size=64, identities=8, tracks_per_identity=1, frames_per_track=4, seed=0)
    found = [
        yunet.find(Image.fromarray(frame.image))
        for track in faces.tracks()
        for frame in faces.read(track)
        if isinstance(frame, Frame)
    ]
    assert np.mean([len(boxes) == 1 for boxes in found]) > 0.9
    sides = [np.sqrt(np.prod(boxes[0, 2:] - boxes[0, :2])) for boxes in found if len(boxes)]
    assert 0.7 < np.median(sides) < 0.95
