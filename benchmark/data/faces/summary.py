"""Summary of a labelled set: counts beside those of its protocol, skipped faces, the distribution of its labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from benchmark.data.faces.labelled_set import SPLITS, LabelledSet, Target

Values = NDArray[Any]
Known = NDArray[np.bool_]
Reading = dict[str, str]  # of a target in one split: text by class, action unit, angle or measure


def summary(faces: LabelledSet) -> dict[str, Any]:
    """The set in JSON values; ``hash`` is the one in results."""
    protocol = faces.protocol
    return {
        "name": faces.name,
        "hash": faces.hash,
        "size": faces.frames.shape[1],
        "faces": {split: len(faces.indices(split)) for split in SPLITS},
        "identities": None if faces.identity is None else len(np.unique(faces.identity)),
        "groups": None if faces.group is None else _counts(faces, faces.group),
        "targets": {key: _distribution(faces, target) for key, target in faces.targets.items()},
        **{key: protocol[key] for key in ("expected", "rows", "skipped", "noted") if key in protocol},
        "warnings": warnings(faces),
        "protocol": protocol,
    }


def warnings(faces: LabelledSet) -> list[str]:
    """Reasons why results on this copy of a set do not compare with published ones, one line each."""
    return [*faces.protocol.get("not comparable", []), *faces.protocol.get("miscounts", [])]


def table(report: dict[str, Any]) -> str:
    """A summary as text, several tables."""
    faces, expected = report["faces"], report.get("expected", {})
    lines = [f"{report['name']}: {sum(faces.values()):,} faces of {report['size']} px, hash {report['hash'][:12]}"]
    rows = [[split, f"{faces[split]:,}", f"{expected[split]:,}" if split in expected else ""] for split in SPLITS]
    lines.append(tabulate(rows, ["split", "faces", "protocol"], disable_numparse=True))
    if expected and "val" not in expected:
        lines.append("(val is cut off the protocol's train)")
    for split, counts in (report["groups"] or {}).items():
        lines.append(f"groups of {split}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    for key, target in report["targets"].items():
        rows = [[name, *(reading[split] for split in SPLITS)] for name, reading in target["distribution"].items()]
        lines += ["", tabulate(rows, [f"{key}: {target['measure']}", *SPLITS], disable_numparse=True)]
    lines.append("")
    left_out = report["protocol"].get("classes_left_out", {})
    lines += [f"left out: {count:,} x {name or 'no class'}" for name, count in left_out.items()]
    for counts in ("skipped", "noted"):
        lines += [f"{counts}: {count:,} x {reason}" for reason, count in report.get(counts, {}).items()]
    lines += [f"warning: {line}" for line in report["warnings"] if line not in report.get("problems", [])]
    return "\n".join(lines)


def _counts(faces: LabelledSet, groups: NDArray[np.str_]) -> dict[str, dict[str, int]]:
    """Number of faces by split and group."""
    counts_of = {}
    for split in SPLITS:
        names, counts = np.unique(groups[faces.indices(split)], return_counts=True)
        counts_of[split] = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return counts_of


def _distribution(faces: LabelledSet, target: Target) -> dict[str, Any]:
    """What the values of a target look like in each split."""
    measure, read = {
        "classes": ("faces", _read_classes),
        "identity": ("", _read_people),
        "aus": ("on of known", _read_aus),
        "regression": ("known; mean +- s.d. [min, max]", _read_numbers),
        "pose": ("mean +- s.d. [min, max], degrees", _read_pose),
        "landmarks": ("", _read_landmarks),
    }[target.kind]
    reading_of = {}
    for split in SPLITS:
        rows = faces.indices(split)
        reading_of[split] = read(target, target.values[rows], target.known[rows])
    names = reading_of[SPLITS[0]]
    distribution = {name: {split: reading_of[split][name] for split in SPLITS} for name in names}
    return {"kind": target.kind, "measure": measure, "distribution": distribution}


def _read_classes(target: Target, values: Values, known: Known) -> Reading:
    counts = np.bincount(values[known], minlength=len(target.names))
    return {name: f"{count:,}" for name, count in zip(target.names, counts.tolist(), strict=True)}


def _read_people(target: Target, values: Values, known: Known) -> Reading:
    counts = np.bincount(values[known], minlength=len(target.names))
    return {"people": f"{(counts > 0).sum():,}", "faces of a person": _spread(counts[counts > 0])}


def _read_aus(target: Target, values: Values, known: Known) -> Reading:
    on = ((values == 1) & known).sum(0)
    return {name: f"{on[i]:,} of {known[:, i].sum():,}" for i, name in enumerate(target.names)}


def _read_numbers(target: Target, values: Values, known: Known) -> Reading:
    return {name: f"{known[:, i].sum():,}; {_spread(values[known[:, i], i], 2)}" for i, name in enumerate(target.names)}


def _read_pose(target: Target, values: Values, known: Known) -> Reading:
    return {name: _spread(values[known, i]) for i, name in enumerate(target.names)}


def _read_landmarks(target: Target, values: Values, known: Known) -> Reading:
    assert target.eyes is not None
    points = values[known].astype(np.float64)
    eyes = np.linalg.norm(points[:, target.eyes[0]] - points[:, target.eyes[1]], axis=-1)
    inside = ((points >= 0) & (points <= 1)).all(-1)
    return {
        "faces": f"{len(points):,}",
        "eye distance / crop side": _spread(eyes, 3),
        "points inside the crop": f"{100 * inside.mean():.2f} %" if len(points) else "-",
    }


def _spread(values: Values, digits: int = 1) -> str:
    if not len(values):
        return "-"
    low, high = values.min(), values.max()
    return f"{values.mean():.{digits}f} +- {values.std():.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
