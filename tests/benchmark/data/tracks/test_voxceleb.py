"""VoxCeleb+ in its published layout: folders, all forms of the metadata files, one identity per person."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from benchmark.config.data import VoxCelebData
from benchmark.data.catalogue import source
from benchmark.data.tracks.frames import FrameFolder
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.tracks.store import TrackStore
from benchmark.data.tracks.summary import summarise
from benchmark.data.tracks.verify import verify
from benchmark.data.tracks.voxceleb import CROPS, VoxCeleb, normalised, read_metadata
from benchmark.errors import DataError, UsageError
from tests.benchmark.data.tracks.test_videos import write_video
from tests.benchmark.tiny import call

PEOPLE = ["A.J._Buckley", "Aamir_Khan.", "Zoë_Saldana"]
VOX1 = (
    "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
    "id10001\tA.J._Buckley\tm\tIreland\tdev\n"
    "id10003\tAamir_Khan\tm\tIndia\tdev\n"  # without the folder's full stop
    "id11250\tZoë_Saldana\tf\tUSA\ttest\n"
)
VOX2 = {
    "commas": "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid00012 ,n000012 ,m ,dev\nid00017 ,n000017 ,f ,test\n",
    "tabs": "Name\tVoxCeleb2 ID\tVGGFace2 ID\tGender\tSet\n"
    "Aamir Khan\tid00012\tn000012\tm\tdev\nSomeone Else\tid00017\tn000017\tf\ttest\n",
}


def write_image(path: Path, number: int, side: int = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC).save(path)


@pytest.fixture(params=["commas", "tabs"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Three people of VoxCeleb1 with two videos each and two of VoxCeleb2, one of whom may be in both."""
    for i, name in enumerate(PEOPLE):
        for video in ("5r0dWxy17C8", "YqaVWHmGgtI"):
            for k in range(3):
                write_image(tmp_path / f"raw/vox1/unzippedFaces/{name}/1.6/{video}/{875 + 25 * k:07}.jpg", 10 * i + k)
    for part, code in (("dev", "id00012"), ("test", "id00017")):
        write_video(tmp_path / f"raw/VoxCeleb2/{part}/mp4/{code}/21Uxsk56VDQ/00001.mp4")
        write_video(tmp_path / f"raw/VoxCeleb2/{part}/mp4/{code}/21Uxsk56VDQ/00002.mp4")
    (tmp_path / "raw/vox1/vox1_meta.csv").write_text(VOX1)
    byte_order_mark = "\ufeff" if request.param == "commas" else ""
    (tmp_path / "raw/vox2_meta.csv").write_text(byte_order_mark + VOX2[request.param])
    return tmp_path / "raw"


def test_both_sets_are_one_source(root: Path, tmp_path: Path) -> None:
    named = "Name" in (root / "vox2_meta.csv").read_text()
    vox = source(VoxCelebData(root=str(root), size=32))
    of_track = {track.track: track.identity for track in vox.tracks()}
    assert len(of_track) == 6 + 4
    assert of_track["vox1/A.J._Buckley/1.6/5r0dWxy17C8"] == "id10001"
    assert of_track["vox1/Aamir_Khan./1.6/5r0dWxy17C8"] == "id10003"
    assert of_track["vox2/id00012/21Uxsk56VDQ/00001"] == ("id10003" if named else "id00012")
    assert of_track["vox2/id00017/21Uxsk56VDQ/00002"] == "id00017"
    manifest = TrackPacker(vox, tmp_path / "store", split_seed=0).pack()
    assert manifest["counts"]["total"] == {"identities": 4 if named else 5, "tracks": 10, "frames": 18 + 8}
    store = TrackStore(tmp_path / "store")
    splits: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        for track in store.tracks(split):
            splits.setdefault(store.identity(track), set()).add(split)
    assert all(len(names) == 1 for names in splits.values())
    assert verify(tmp_path / "store").ok
    lines = summarise(manifest)
    assert "vox2: 2 of 6,112 identities, 4 of 1,128,246 tracks, as published" in lines
    assert "remark: vox1_meta.csv: tabs, columns VoxCeleb1 ID, VGGFace1 ID, Gender, Nationality, Set" in lines
    remark = "1 people are in both sets by name" if named else "without the names in both metadata files"
    assert any(remark in line for line in lines)


def test_command_line_with_one_folder(root: Path, tmp_path: Path) -> None:
    words = ["data=voxceleb", f"root={root}", "data.size=32", f"cache={tmp_path / 'cache'}"]
    for part in ("1/2", "0/2"):
        assert call("prepare", *words, "--part", part).code == 0
    finished = call("prepare", *words)
    assert finished.code == 0, finished.err
    assert "10 tracks" in finished.out
    assert call("prepare", *words, "--part", "2/2").code == 2


def test_one_set_alone(root: Path) -> None:
    only = source(VoxCelebData(vox1=str(root / "vox1"), size=32))
    assert {track.track.partition("/")[0] for track in only.tracks()} == {"vox1"}
    (root / "vox1/vox1_meta.csv").unlink()
    unmapped = source(VoxCelebData(root=str(root / "vox1"), size=32))
    assert {track.identity for track in unmapped.tracks()} == set(PEOPLE)
    assert unmapped.remarks() == ["vox1: no vox1_meta.csv"]  # type: ignore[attr-defined]


def test_missing_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs root=DIR"):
        source(VoxCelebData())
    with pytest.raises(DataError, match="neither unzippedFaces/ of VoxCeleb1 nor dev/mp4/"):
        source(VoxCelebData(root=str(tmp_path)))


def test_dense_frames_are_sampled_at_fps(tmp_path: Path) -> None:
    base = tmp_path / "unzippedIntervalFaces/data/A.J._Buckley/1.6/5r0dWxy17C8/1"
    for number in range(100, 180, 5):
        write_image(base / f"{number:07}.jpg", number)
    vox = VoxCeleb(tmp_path, None, size=32)
    (track,) = vox.tracks()
    assert track.track == "vox1/A.J._Buckley/1.6/5r0dWxy17C8/1"
    assert [frame.source_id for frame in vox.read(track)] == [f"{n:07}.jpg" for n in (100, 125, 150, 175)]
    (track,) = VoxCeleb(tmp_path, None, size=32, fps=5).tracks()
    assert len(list(VoxCeleb(tmp_path, None, size=32, fps=5).read(track))) == 16


@pytest.mark.parametrize("name", ["vox1", "vox2"])
def test_crop_windows(tmp_path: Path, name: str) -> None:
    """A frame that is white outside the window, whose rows are computed here by hand, is black after the crop."""
    tighten, shift = CROPS["face"][name]
    side = 190
    pixels = np.zeros((side, side, 3), np.uint8)
    window = side / tighten
    top = side / 2 + shift * side - window / 2
    pixels[: round(top)] = 255
    pixels[round(top + window) :] = 255
    path = tmp_path / "unzippedFaces/A/1.6/v/0000001.jpg"
    path.parent.mkdir(parents=True)
    Image.fromarray(pixels).save(path, quality=100)
    (frame,) = FrameFolder(tmp_path / "unzippedFaces", 64, tighten, shift).read(RawTrack("A", "A/1.6/v", "A/1.6/v"))
    assert isinstance(frame, Frame)
    assert frame.image[2:-2].max() < 10
    if name == "vox2":  # FAb-Net's loader: rows 8 to 198 and columns 33 to 223 of 256
        assert (top / side * 256, window / side * 256) == pytest.approx((8, 190))


def test_names_match_despite_punctuation() -> None:
    assert normalised("Aamir_Khan.") == normalised("Aamir Khan") == "aamirkhan"
    assert normalised("Zoë_Saldana") != normalised("Zoe_Saldana")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "no column 'VoxCeleb2 ID'"),
        (b"VoxCeleb ID,Name\nid1,A\n", "no column 'VoxCeleb2 ID'"),
        (b"VoxCeleb2 ID,Name\nid1\n", "line 2 lacks a code or name"),
        ("VoxCeleb2 ID,Name\nid1,Zoë\n".encode("latin-1"), "line 2 is not utf-8"),
    ],
)
def test_broken_metadata_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "vox2_meta.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"vox2_meta.csv: {expected}"):
        read_metadata(path, "VoxCeleb2 ID", "Name")


@pytest.mark.parametrize("damage", ["half", "no video", "empty"])
def test_broken_clips_and_frames_are_skipped_and_counted(root: Path, tmp_path: Path, damage: str) -> None:
    clip = root / "VoxCeleb2/dev/mp4/id00012/21Uxsk56VDQ/00001.mp4"
    if damage == "half":
        clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    elif damage == "no video":
        _write_audio_only(clip)
    else:
        clip.write_bytes(b"")
    (root / f"vox1/unzippedFaces/{PEOPLE[0]}/1.6/5r0dWxy17C8/0000875.jpg").write_bytes(b"")
    manifest = TrackPacker(source(VoxCelebData(root=str(root), size=32)), tmp_path / "store", split_seed=0).pack()
    (reason,) = manifest["skipped"]["tracks"]
    assert reason == ("no video stream" if damage == "no video" else "video does not decode")
    assert manifest["skipped"]["frames"]["broken image"]["count"] == 1
    assert manifest["counts"]["total"]["tracks"] == 9


def _write_audio_only(path: Path) -> None:
    path.unlink()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
