"""What a labelled set holds, in numbers: counts against the protocol's, skips, the distribution of its labels."""

from typing import Any

import numpy as np
from tabulate import tabulate

from benchmark.data.faces.labelled_set import SPLITS, LabelledSet, Target


def summary(faces: LabelledSet) -> dict[str, Any]:
    """The set in plain JSON values; ``hash`` is the one that results name."""
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
    """Why results on this copy of a set do not compare with others', a line each."""
    return [*faces.protocol.get("not comparable", []), *faces.protocol.get("miscounts", [])]


def table(told: dict[str, Any]) -> str:
    """A summary for reading."""
    faces, expected = told["faces"], told.get("expected", {})
    lines = [f"{told['name']}: {sum(faces.values()):,} faces of {told['size']} px, hash {told['hash'][:12]}"]
    rows = [[split, f"{faces[split]:,}", f"{expected[split]:,}" if split in expected else ""] for split in SPLITS]
    lines.append(tabulate(rows, ["split", "faces", "protocol"], disable_numparse=True))
    if expected and "val" not in expected:
        lines.append("(val is cut off the protocol's train)")
    for split, counts in (told["groups"] or {}).items():
        lines.append(f"groups of {split}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    for key, target in told["targets"].items():
        rows = [[name, *(of_split[split] for split in SPLITS)] for name, of_split in target["distribution"].items()]
        lines += ["", tabulate(rows, [f"{key}: {target['measure']}", *SPLITS], disable_numparse=True)]
    lines.append("")
    left_out = told["protocol"].get("classes_left_out", {})
    lines += [f"left out: {count:,} x {name or 'no class'}" for name, count in left_out.items()]
    for how in ("skipped", "noted"):
        lines += [f"{how}: {count:,} x {reason}" for reason, count in told.get(how, {}).items()]
    lines += [f"warning: {line}" for line in told["warnings"] if line not in told.get("problems", [])]
    return "\n".join(lines)


def _counts(faces: LabelledSet, values: Any) -> dict[str, dict[str, int]]:
    result = {}
    for split in SPLITS:
        names, counts = np.unique(values[faces.indices(split)], return_counts=True)
        result[split] = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return result


def _distribution(faces: LabelledSet, target: Target) -> dict[str, Any]:
    """Readings of a target in each split, as text, since their kinds differ."""
    measure, reading = {
        "classes": ("faces", _of_classes),
        "aus": ("on of known", _of_aus),
        "pose": ("mean +- s.d. [min, max], degrees", _of_pose),
        "landmarks": ("", _of_landmarks),
    }[target.kind]
    parts = {}
    for split in SPLITS:
        rows = faces.indices(split)
        parts[split] = reading(target, target.values[rows], target.known[rows])
    names = next(iter(parts.values()))
    table = {name: {split: parts[split][name] for split in SPLITS} for name in names}
    return {"kind": target.kind, "measure": measure, "distribution": table}


def _of_classes(target: Target, values: Any, known: Any) -> dict[str, str]:
    counts = np.bincount(values[known], minlength=len(target.names))
    return {name: f"{count:,}" for name, count in zip(target.names, counts.tolist(), strict=True)}


def _of_aus(target: Target, values: Any, known: Any) -> dict[str, str]:
    on = ((values == 1) & known).sum(0)
    return {name: f"{on[i]:,} of {known[:, i].sum():,}" for i, name in enumerate(target.names)}


def _of_pose(target: Target, values: Any, known: Any) -> dict[str, str]:
    return {name: _spread(values[known, i]) for i, name in enumerate(target.names)}


def _of_landmarks(target: Target, values: Any, known: Any) -> dict[str, str]:
    assert target.eyes is not None
    points = values[known].astype(np.float64)
    eyes = np.linalg.norm(points[:, target.eyes[0]] - points[:, target.eyes[1]], axis=-1)
    inside = ((points >= 0) & (points <= 1)).all(-1)
    return {
        "faces": f"{len(points):,}",
        "eye distance / crop side": _spread(eyes, 3),
        "points inside the crop": f"{100 * inside.mean():.2f} %" if len(points) else "-",
    }


def _spread(values: Any, digits: int = 1) -> str:
    if not len(values):
        return "-"
    low, high = values.min(), values.max()
    return f"{values.mean():.{digits}f} +- {values.std():.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
