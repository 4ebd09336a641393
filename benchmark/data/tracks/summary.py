"""Summary of a store's manifest for people."""

from typing import Any

from benchmark.data.split import SPLITS


def summarise(manifest: dict[str, Any]) -> list[str]:
    """What a store holds and what was left out of it, a few lines."""
    counts = manifest["counts"]
    lines = [
        f"{name:<6} {counts[name]['identities']:>7,} identities {counts[name]['tracks']:>9,} tracks "
        f"{counts[name]['frames']:>10,} frames"
        for name in (*SPLITS, "total")
    ]
    for part, published in manifest["source"].get("expected", {}).items():
        lines.append(f"{part}: {_compare(counts.get(part, {}), published)}, as published")
    lines += [f"remark: {remark}" for remark in manifest.get("remarks", [])]
    lines += [f"warning: {warning}" for warning in manifest["warnings"]]
    for kind, reasons in (
        ("skipped tracks", manifest["skipped"]["tracks"]),
        ("skipped frames", manifest["skipped"]["frames"]),
        ("converted frames", manifest["converted"]),
    ):
        for reason, cases in reasons.items():
            lines.append(f"{kind}: {cases['count']:,} x {reason}, e.g. {cases['examples'][0]}")
    return lines


def _compare(counts: dict[str, int], published: dict[str, int]) -> str:
    """Counts such as ``1 of 1,251 identities``, for those that are published."""
    pairs = [f"{counts[unit]:,} of {number:,} {unit}" for unit, number in published.items() if unit in counts]
    return ", ".join(pairs) or "not counted"
