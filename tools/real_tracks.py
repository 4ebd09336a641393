"""Measure real tracks as the built-in ones are measured: the source of the ranges in `track_realism`.

    python -m tools.real_tracks cut  FOLDER vox2 frames.npz    # videos ID/.../*.mp4 of VoxCeleb2, or vox1: its frames
    python tools/find_points.py frames.npz points.npz          # in an environment of its own
    python -m tools.real_tracks read frames.npz points.npz [poses.csv]

Frames are cut by FAb-Net's windows at one a second. VoxCeleb1's folders are divided where frames are missing.
``poses.csv`` has columns path, frame, roll_deg, pitch_deg and yaw_deg, with frames counted at 25 a second. `read` joins
several files with commas, and prints each reading with its 95 % bootstrap interval over tracks.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tabulate import tabulate

from benchmark.data.synthetic.track_realism import TrackSample, readings
from benchmark.data.tracks.frames import FrameFolder
from benchmark.data.tracks.source import Frame
from benchmark.data.tracks.videos import SUFFIXES, VideoFolder
from benchmark.data.tracks.voxceleb import CROPS

SIDE = 192  # of the frames in which points are found, pixels
SMALL = 64  # of the frames whose pixels are compared
RATE = 25  # frames a second in names and in poses.csv


def cut(folder: str, crop: str, destination: str) -> None:
    """Cuts the frames of all tracks below a folder into one file, an array a track."""
    window = CROPS["face"][crop]
    source: VideoFolder | FrameFolder
    source = VideoFolder(Path(folder), size=SIDE, tighten=window.tighten, shift=window.shift)
    if not any(path.suffix in SUFFIXES for path in Path(folder).rglob("*")):
        source = FrameFolder(Path(folder), size=SIDE, tighten=window.tighten, shift=window.shift, step=RATE)
    tracks: dict[str, NDArray[np.uint8]] = {}
    for track in source.tracks():
        frames = [frame for frame in source.read(track) if isinstance(frame, Frame)]
        numbers = [int(Path(frame.source_id).stem) if frame.source_id.endswith("jpg") else 0 for frame in frames]
        gaps = [i for i in range(1, len(frames)) if numbers[i] - numbers[i - 1] > RATE]
        for start, end in zip([0, *gaps], [*gaps, len(frames)], strict=True):
            if end - start > 1:
                tracks[f"{track.location}|{start}"] = np.stack([frame.image for frame in frames[start:end]])
    np.savez(destination, allow_pickle=False, **tracks)
    print(f"{destination}: {len(tracks)} tracks, {sum(map(len, tracks.values()))} frames")


def load(frames_file: str, points_file: str, poses: pd.DataFrame | None) -> tuple[list[TrackSample], list[TrackSample]]:
    """All tracks of one pair of files, without pose; and those whose pose is known, less the frames where it is not."""
    frames, points = np.load(frames_file), np.load(points_file)
    tracks, turned = [], []
    for name in frames:
        small = [
            np.asarray(Image.fromarray(frame).resize((SMALL, SMALL), Image.Resampling.BOX)) for frame in frames[name]
        ]
        tracks.append(TrackSample(points[name], None, np.stack(small)))
        if poses is not None and len(of_track := poses[poses.path == name.partition("|")[0]]):
            seconds = [RATE * i for i in range(len(small))]
            pose = of_track.set_index("frame")[["roll_deg", "pitch_deg", "yaw_deg"]].reindex(seconds).to_numpy()
            known = np.isfinite(pose).all(1)
            turned.append(TrackSample(points[name][known], pose[known]))
    return tracks, turned


def read(frames_files: str, points_files: str, poses_file: str | None = None) -> None:
    """Prints the readings; those of pose are of the tracks whose pose is known."""
    poses = pd.read_csv(poses_file) if poses_file else None
    loaded = [load(*pair, poses) for pair in zip(frames_files.split(","), points_files.split(","), strict=True)]
    tracks, turned = ([sample for pair in loaded for sample in pair[i]] for i in (0, 1))
    print(f"{len(tracks)} tracks, {sum(len(s.points) for s in tracks)} frames; pose of {len(turned)}")
    points = [TrackSample(sample.points) for sample in tracks]
    rng, rows = np.random.default_rng(0), {}
    for group, resamples in ((tracks, 200), (turned, 2000), (points, 2000)):  # comparing pixels takes longest
        if len(group) < 2:
            continue
        value = readings(group)
        drawn = [readings([group[i] for i in rng.integers(0, len(group), len(group))]) for _ in range(resamples)]
        for name in value:
            rows[name] = [name, value[name], *np.nanpercentile([d[name] for d in drawn], (2.5, 97.5))]
    print(tabulate(rows.values(), ["reading", "value", "low", "high"], floatfmt=".4f"))


if __name__ == "__main__":
    step, *arguments = sys.argv[1:]
    (cut if step == "cut" else read)(*arguments)
