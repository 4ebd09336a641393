"""The data of the paper in miniature: VoxCeleb1 and 2 and its five labelled sets, each as its owners have it."""

from pathlib import Path

from PIL import Image

from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces
from tests.benchmark.data.tracks.test_videos import write_video

FRAMES = 4  # of a person, in the built-in faces that `Faces` holds and in a track of VoxCeleb1


def make_paper_data(root: Path, faces: Faces) -> None:
    """Write all of it below ``root``."""
    lookalikes.w300(root / "300w", faces)
    lookalikes.mafl(root / "CelebA", faces)
    lookalikes.aflw(root / "aflw", faces)
    lookalikes.affectnet_csv(root / "AffectNet", faces)
    lookalikes.emotionet(root / "EmotioNet", faces, xlsx=False)
    voxceleb(root, faces)


def voxceleb(root: Path, faces: Faces) -> None:
    """VoxCeleb1 with a person for every four of the faces, and VoxCeleb2 with two people who are in no other set."""
    names, lines = [], ["VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet"]
    for person in range(len(faces.source.frames) // FRAMES):
        names.append(f"Person_{person:02}")
        folder = root / "VoxCeleb1/unzippedFaces" / names[-1] / "1.6" / f"video{person:06}"
        folder.mkdir(parents=True)
        for k in range(FRAMES):
            Image.fromarray(faces.source.frames[person * FRAMES + k]).save(folder / f"{25 * (k + 1):07}.jpg")
        lines.append(f"id{10001 + person}\t{names[-1]}\tf\tUK\tdev")
    (root / "VoxCeleb1/vox1_meta.csv").write_text("\n".join(lines) + "\n")
    for code in ("id00012", "id00017"):
        write_video(root / f"VoxCeleb2/dev/mp4/{code}/21Uxsk56VDQ/00001.mp4", range(0, 1000 * FRAMES, 200))
    rows = "Nobody Here\tid00012\tn000012\tm\tdev\nSomeone Else\tid00017\tn000017\tf\tdev\n"
    (root / "VoxCeleb2/vox2_meta.csv").write_text("Name\tVoxCeleb2 ID\tVGGFace2 ID\tGender\tSet\n" + rows)
