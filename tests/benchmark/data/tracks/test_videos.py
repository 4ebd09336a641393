import pickle
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, SkipTrack
from benchmark.data.tracks.store import TrackStore
from benchmark.data.tracks.videos import VideoFolder
from benchmark.errors import DataError, UsageError

Colour = tuple[int, int, int]

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 30), (30, 30, 200)


def write_video(
    path: Path,
    times_ms: Sequence[int] = range(0, 2000, 40),
    width: int = 64,
    height: int = 64,
    codec: str = "mpeg4",
    aspect: Fraction | None = None,
) -> Path:
    """Write a video that brightens from frame to frame: red left, green right, a blue square in the middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 2_000_000
        if codec == "mpeg4":
            stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for i, ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(picture(width, height, i))
            if codec == "mpeg4":
                frame.pts, frame.time_base = ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def picture(width: int, height: int, i: int = 0) -> NDArray[np.uint8]:
    image = np.empty((height, width, 3), np.uint8)
    image[:, : width // 2], image[:, width // 2 :] = RED, GREEN
    h, w = height // 8, width // 8
    image[height // 2 - h : height // 2 + h, width // 2 - w : width // 2 + w] = BLUE
    brighter: NDArray[np.uint8] = np.clip(image.astype(int) + i % 50, 0, 255).astype(np.uint8)
    return brighter


def read(path: Path, **options: Any) -> list[Frame | SkippedFrame]:
    source = VideoFolder(path.parent, **{"size": 32, **options})
    return list(source.read(RawTrack("x", path.stem, path.name)))


def read_frames(path: Path, **options: Any) -> list[Frame]:
    """The frames of a video, all of which must be usable."""
    frames = [frame for frame in read(path, **options) if isinstance(frame, Frame)]
    assert len(frames) == len(read(path, **options))
    return frames


def times(path: Path, **options: Any) -> list[float]:
    return [float(frame.source_id.split()[0]) for frame in read(path, **options)]


def close(pixel: NDArray[np.uint8], colour: Sequence[int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 40)


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(1, [0, 1]), (2, [0, 0.52, 1, 1.52]), (0.5, [0]), (25, [i * 0.04 for i in range(50)])],
)
def test_frames_are_sampled_by_time(tmp_path: Path, fps: float, expected: list[float]) -> None:
    assert times(write_video(tmp_path / "a.mp4"), fps=fps) == pytest.approx(expected)


def test_fps_above_the_videos_repeats_no_frame(tmp_path: Path) -> None:
    assert len(read(write_video(tmp_path / "a.mp4"), fps=100)) == 50


def test_sampling_follows_time_stamps_at_variable_rate_and_gaps(tmp_path: Path) -> None:
    stamps = [*range(500, 1500, 20), *range(1500, 2500, 100), *range(5300, 6500, 100)]
    found = times(write_video(tmp_path / "a.mp4", stamps), fps=2)
    assert found == pytest.approx([0, 0.5, 1, 1.5, 4.8, 5.0, 5.5])


def test_max_frames_keeps_the_first(tmp_path: Path) -> None:
    assert times(write_video(tmp_path / "a.mp4"), fps=25, max_frames=3) == pytest.approx([0, 0.04, 0.08])


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mpg", "mpeg1video"), ("a.mov", "mpeg4"), ("a.avi", "mpeg4"), ("a.mkv", "mpeg4")]
)
def test_other_containers(tmp_path: Path, name: str, codec: str) -> None:
    frames = read_frames(write_video(tmp_path / name, codec=codec), fps=2)
    assert 3 <= len(frames) <= 4
    assert all(frame.image.shape == (32, 32, 3) for frame in frames)
    assert close(frames[0].image[4, 4], RED)
    assert close(frames[0].image[4, -4], GREEN)


def test_centre_square_and_tighten(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", width=128, height=64)
    full, tight = read_frames(path)[0], read_frames(path, tighten=2)[0]
    assert full.notes == ("resized",)
    blue = [np.sum(np.abs(f.image.astype(int) - BLUE).max(-1) < 60) for f in (full, tight)]
    assert blue[0] == pytest.approx(32 * 32 / 8, rel=0.2)  # half the side across, a quarter of it down
    assert blue[1] == pytest.approx(4 * blue[0], rel=0.2)


def test_frames_of_the_right_size_have_no_note(tmp_path: Path) -> None:
    assert read_frames(write_video(tmp_path / "a.mp4"), size=64)[0].notes == ()


def test_non_square_pixels_are_corrected(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", width=64, height=128, aspect=Fraction(2, 1))  # displayed as 128 x 128
    image = read_frames(path)[0].image
    assert close(image[2, 2], RED)
    blue = np.abs(image.astype(int) - BLUE).max(-1) < 60
    assert blue.any(0).sum() == pytest.approx(8, abs=2)
    assert blue.any(1).sum() == pytest.approx(8, abs=2)


@pytest.mark.parametrize(
    ("matrix", "top", "bottom"),
    [((0, 1, -1, 0), RED, GREEN), ((0, -1, 1, 0), GREEN, RED)],
    ids=["quarter turn clockwise", "quarter turn counter-clockwise"],
)
def test_rotation_is_applied(tmp_path: Path, matrix: tuple[int, ...], top: Colour, bottom: Colour) -> None:
    path = write_video(tmp_path / "a.mp4")
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # ISO 14496-12, 8.3.2: the matrix of a version 0 track header
    a, b, c, d = (value * 65536 for value in matrix)
    for i, value in enumerate([a, b, 0, c, d, 0]):
        content[at + 4 * i : at + 4 * i + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    frame = read_frames(path)[0]
    assert "rotated upright" in frame.notes
    assert close(frame.image[3, 16], top)
    assert close(frame.image[-3, 16], bottom)


def test_undecodable_video_is_skipped_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a video at all" * 100)
    with pytest.raises(SkipTrack, match="video does not decode") as caught:
        read(tmp_path / "a.mp4")
    assert str(tmp_path) not in caught.value.detail
    (tmp_path / "b.mp4").touch()
    with pytest.raises(SkipTrack, match="video does not decode"):
        read(tmp_path / "b.mp4")
    with pytest.raises(SkipTrack, match="video does not decode"):
        read(tmp_path / "gone.mp4")


def test_file_without_video_stream_is_skipped(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(SkipTrack, match="no video stream"):
        read(tmp_path / "a.mp4")


def test_truncated_video_keeps_the_frames_before(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", range(0, 8000, 40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = [frame for frame in read(path, fps=5) if isinstance(frame, Frame)]
    assert 5 <= len(frames) <= 30
    assert close(frames[0].image[3, 3], RED)


def test_voxceleb2_layout(tmp_path: Path) -> None:
    for name in ("dev/mp4/id00012/vA/00001.mp4", "dev/mp4/id00012/vA/00002.mp4", "test/mp4/id00017/vB/00001.mp4"):
        write_video(tmp_path / name, range(0, 200, 40))
    (tmp_path / "dev/mp4/id00012/vA/notes.txt").touch()
    (tmp_path / "dev/mp4/id00012/vA/._00001.mp4").touch()
    (tmp_path / "vox2_meta.csv").touch()
    found = VideoFolder(tmp_path).tracks()
    assert [(t.identity, t.track, t.location) for t in found] == [
        ("id00012", "id00012/vA/00001", "dev/mp4/id00012/vA/00001.mp4"),
        ("id00012", "id00012/vA/00002", "dev/mp4/id00012/vA/00002.mp4"),
        ("id00017", "id00017/vB/00001", "test/mp4/id00017/vB/00001.mp4"),
    ]
    inside = VideoFolder(tmp_path / "dev/mp4").tracks()
    assert [t.track for t in inside] == ["id00012/vA/00001", "id00012/vA/00002"]


def test_any_depth_any_suffix_and_files_in_the_root(tmp_path: Path) -> None:
    for name in ("ann/1.mp4", "ann/1.MOV", "bob/x/y/z/2.webm", "carol.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {t.track: t.identity for t in VideoFolder(tmp_path).tracks()}
    assert found == {"ann/1.MOV": "ann", "ann/1.mp4": "ann", "bob/x/y/z/2": "bob", "carol": "carol"}


def test_root_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: does not exist.*data\.root"):
        VideoFolder(tmp_path / "nowhere").tracks()
    with pytest.raises(DataError, match=r"no video in it.*data=frames"):
        VideoFolder(tmp_path).tracks()
    (tmp_path / "a.mp4").touch()
    with pytest.raises(DataError, match="is a file, not a folder"):
        VideoFolder(tmp_path / "a.mp4").tracks()


@pytest.mark.parametrize("options", [{"fps": 0}, {"size": 0}, {"tighten": 0.5}, {"max_frames": 1}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        VideoFolder(Path(), **options)


def test_description_does_not_depend_on_the_root(tmp_path: Path) -> None:
    source = VideoFolder(tmp_path, fps=2)
    assert str(tmp_path) not in str(source.describe())
    assert source.describe() != VideoFolder(tmp_path, fps=1).describe()
    assert pickle.loads(pickle.dumps(source)) == source


def test_packing_counts_videos_with_faults(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name in ("a/1", "a/2", "b/1"):
        write_video(raw / f"{name}.mp4")
    (raw / "b/broken.mp4").write_bytes(b"\0" * 5000)
    write_video(raw / "c/short.mp4", [0])
    manifest = TrackPacker(VideoFolder(raw, fps=2, size=32), tmp_path / "s", split_seed=0).pack(workers=2)
    assert manifest["counts"]["total"] == {"identities": 2, "tracks": 3, "frames": 12}
    assert manifest["skipped"]["tracks"]["video does not decode"]["count"] == 1
    assert manifest["skipped"]["tracks"]["fewer than 2 usable frames"]["examples"] == ["c/short: 1 usable"]
    assert TrackStore(tmp_path / "s").source_id(0, 1) == "0.520 s"


def test_added_files_are_noticed(tmp_path: Path) -> None:
    source = VideoFolder(tmp_path / "raw", fps=2, size=32)
    write_video(tmp_path / "raw/a/1.mp4")
    first = TrackPacker(source, tmp_path / "s", split_seed=0).pack()
    (tmp_path / "raw").rename(tmp_path / "moved")
    assert TrackPacker(source, tmp_path / "s", split_seed=0).pack() == first  # raw files may be removed once packed
    (tmp_path / "moved").rename(tmp_path / "raw")
    write_video(tmp_path / "raw/b/1.mp4")
    with pytest.raises(DataError, match="other files than the source has now"):
        TrackPacker(source, tmp_path / "s", split_seed=0).pack()
