from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.data.tracks.frames import FrameFolder
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, SkipTrack
from benchmark.errors import DataError, UsageError

Colour = tuple[int, ...]

COLOURS: dict[str, Colour | int] = {
    "RGB": (200, 100, 50),
    "RGBA": (200, 100, 50, 128),
    "LA": (150, 128),
    "CMYK": (0, 99, 99, 9),
}


def write_image(
    path: Path, mode: str = "RGB", size: tuple[int, int] = (32, 32), colour: Colour | None = None, **options: Any
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour or COLOURS.get(mode, 1)).save(path, **options)
    return path


def read(folder: Path, **options: Any) -> list[Frame | SkippedFrame]:
    source = FrameFolder(folder.parent, **{"size": 32, **options})
    return list(source.read(RawTrack("x", folder.name, folder.name)))


def read_one(folder: Path, **options: Any) -> Frame:
    """The only frame of a folder, which must be usable."""
    (frame,) = read(folder, **options)
    assert isinstance(frame, Frame)
    return frame


def layout(root: Path) -> list[tuple[str, str]]:
    return [(t.identity, t.track) for t in FrameFolder(root).tracks()]


def test_tracks_are_the_folders_with_images(tmp_path: Path) -> None:
    for name in ("ann/v1/1.jpg", "ann/v1/2.jpg", "ann/v2/t1/1.png", "ann/v2/t2/1.JPG", "bob/v3/1.jpeg", "cid/1.jpg"):
        write_image(tmp_path / name)
    (tmp_path / "ann/v1/VISITED").touch()
    (tmp_path / "ann/VISITED").touch()
    (tmp_path / "dot/v4").mkdir(parents=True)
    assert layout(tmp_path) == [
        ("ann", "ann/v1"),
        ("ann", "ann/v2/t1"),
        ("ann", "ann/v2/t2"),
        ("bob", "bob/v3"),
        ("cid", "cid"),
    ]


@pytest.mark.parametrize("inside", ["", "unzippedFaces"])
def test_voxceleb1_unzipped_faces(tmp_path: Path, inside: str) -> None:
    for name in ("Ann_A/1.6/v1/0000025.jpg", "Ann_A/1.6/v2/0000050.jpg", "Bob_B/1.6/v1/0000075.jpg"):
        write_image(tmp_path / "unzippedFaces" / name)
    expected = [("Ann_A", "Ann_A/1.6/v1"), ("Ann_A", "Ann_A/1.6/v2"), ("Bob_B", "Bob_B/1.6/v1")]
    assert layout(tmp_path / inside) == expected


@pytest.mark.parametrize("inside", ["", "unzippedIntervalFaces", "unzippedIntervalFaces/data"])
def test_voxceleb1_interval_faces(tmp_path: Path, inside: str) -> None:
    write_image(tmp_path / "unzippedIntervalFaces/data/Ann_A/1.6/v1/3/0000025.jpg")
    assert layout(tmp_path / inside) == [("Ann_A", "Ann_A/1.6/v1/3")]


def test_root_without_tracks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        layout(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no image in it.*ID/VIDEO/\*\.jpg.*data=videos"):
        layout(tmp_path)
    write_image(tmp_path / "1.jpg")
    with pytest.raises(DataError, match="1 images lie directly in it"):
        layout(tmp_path)


def test_unreadable_subfolder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "ann/v1/1.jpg")

    def refuse(folder: Path, **options: Any) -> Iterator[None]:
        options["onerror"](PermissionError(13, "Permission denied", str(tmp_path / "bob")))
        return iter(())

    monkeypatch.setattr("benchmark.data.folders.os.walk", refuse)
    with pytest.raises(DataError, match="bob: cannot be listed"):
        layout(tmp_path)


@pytest.mark.parametrize(
    ("mode", "name", "note"),
    [
        ("L", "a.jpg", "grey to RGB"),
        ("1", "a.png", "grey to RGB"),
        ("RGBA", "a.png", "alpha to RGB"),
        ("LA", "a.png", "alpha to RGB"),
        ("P", "a.png", "palette to RGB"),
        ("CMYK", "a.jpg", "CMYK to RGB"),
    ],
)
def test_other_modes_are_converted_to_rgb_with_a_note(tmp_path: Path, mode: str, name: str, note: str) -> None:
    write_image(tmp_path / "v" / name, mode)
    frame = read_one(tmp_path / "v")
    assert frame.image.shape == (32, 32, 3)
    assert frame.image.dtype == np.uint8
    assert frame.notes == (note,)
    assert frame.source_id == name


def test_alpha_is_blended_with_black(tmp_path: Path) -> None:
    write_image(tmp_path / "v/a.png", "RGBA", colour=(200, 100, 50, 128))
    assert read_one(tmp_path / "v").image[5, 5].tolist() == [100, 50, 25]


def test_rgb_image_of_the_right_size_is_unchanged(tmp_path: Path) -> None:
    write_image(tmp_path / "v/a.png")
    frame = read_one(tmp_path / "v")
    assert frame.notes == ()
    assert frame.image[3, 3].tolist() == [200, 100, 50]


def test_other_aspect_ratios_are_cropped_not_stretched(tmp_path: Path) -> None:
    image = np.zeros((64, 192, 3), np.uint8)
    image[:, 64:128] = 255
    (tmp_path / "v").mkdir()
    Image.fromarray(image).save(tmp_path / "v/a.png")
    frame = read_one(tmp_path / "v")
    assert frame.notes == ("resized",)
    assert (frame.image[:, 1:-1] == 255).all()  # the filter reaches one pixel beyond the edge


def test_shrinking_averages(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    checkerboard = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checkerboard).convert("RGB").save(tmp_path / "v/a.png")
    image = read_one(tmp_path / "v").image
    assert np.abs(image[2:-2, 2:-2].astype(int) - 127).max() <= 3


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (32, 32))
    image.paste((255, 255, 255), (0, 0, 32, 16))  # top half white
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate clockwise to display
    (tmp_path / "v").mkdir()
    image.save(tmp_path / "v/a.jpg", exif=exif)
    frame = read_one(tmp_path / "v")
    assert frame.notes == ("rotated upright",)
    assert frame.image[16, 28].min() > 200
    assert frame.image[16, 3].max() < 50


def test_broken_images_are_skipped_and_other_files_ignored(tmp_path: Path) -> None:
    complete = write_image(tmp_path / "v/a.jpg", size=(200, 200)).read_bytes()
    (tmp_path / "v/b.jpg").write_bytes(complete[: len(complete) // 2])
    (tmp_path / "v/c.jpg").write_bytes(b"")
    (tmp_path / "v/d.png").write_text("an error page")
    (tmp_path / "v/VISITED").touch()
    (tmp_path / "v/notes.txt").touch()
    (tmp_path / "v/.hidden.jpg").touch()
    Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(tmp_path / "v/e.png")
    frames = read(tmp_path / "v")
    assert [f.reason for f in frames if isinstance(f, SkippedFrame)] == [
        *["broken image"] * 3,
        "image of unsupported kind I;16",
    ]
    assert [f.source_id for f in frames] == ["a.jpg", "b.jpg", "c.jpg", "d.png", "e.png"]


def test_missing_folder_is_skipped(tmp_path: Path) -> None:
    with pytest.raises(SkipTrack, match="folder cannot be read"):
        read(tmp_path / "gone")


def test_tighten_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="tighten"):
        FrameFolder(Path(), tighten=0.9)


def test_packing_counts_conversions_and_skips(tmp_path: Path) -> None:
    for i in range(3):
        write_image(tmp_path / f"raw/ann/v/{i}.jpg")
        write_image(tmp_path / f"raw/bob/v/{i}.jpg", "L", (40, 50))
    write_image(tmp_path / "raw/cid/v/0.jpg")
    write_image(tmp_path / "raw/dot/v/0.jpg")
    (tmp_path / "raw/dot/v/1.jpg").write_bytes(b"\xff\xd8 broken")
    manifest = TrackPacker(FrameFolder(tmp_path / "raw", size=32), tmp_path / "s", split_seed=0).pack()
    assert manifest["counts"]["total"] == {"identities": 2, "tracks": 2, "frames": 6}
    assert manifest["converted"]["grey to RGB"]["count"] == 3
    assert manifest["converted"]["resized"]["count"] == 3
    assert manifest["skipped"]["tracks"]["fewer than 2 usable frames"]["count"] == 2
    assert manifest["skipped"]["frames"]["broken image"] == {"count": 1, "examples": ["dot/v: 1.jpg"]}
    assert manifest["source"]["crop"]["tighten"] == 1.0
