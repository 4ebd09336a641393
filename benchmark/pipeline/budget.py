"""Training budgets: the steps that make rows equal in what ``train.budget`` names, and what a budget can show.

A budget in samples, frames or operations decides the number of steps of each row before anything is trained. From then
on the run is one of that many steps, whatever its budget was called. A budget in seconds is kept by the clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from benchmark.config.schema import MOST_STEPS, Config
from benchmark.config.variants import Variant, encoder_spec
from benchmark.errors import UsageError, first_line

UNITS = {"samples": "samples", "frames": "frames", "flops": "floating-point operations", "seconds": "seconds"}


def within_budget(variants: Mapping[str, Variant]) -> dict[str, Variant]:
    """The variants with the number of training steps that their budget comes to, rounded down to whole steps.

    Raises:
        UsageError: a budget of less than one step, or in operations of a method that they cannot be counted for.
    """
    return {name: _within_budget(variant) for name, variant in variants.items()}


def _within_budget(variant: Variant) -> Variant:
    train = variant.train
    if train.budget == "steps" or not _is_trained(variant):
        return replace(variant, train=replace(train, budget="steps", amount=None))
    assert train.amount is not None
    if train.budget == "seconds":
        return replace(variant, train=replace(train, steps=MOST_STEPS))
    steps = int(train.amount / (train.batch_size * _units_per_sample(variant)))
    if steps < 1:
        raise UsageError(
            f"{variant.name}: train.amount={train.amount:g} {UNITS[train.budget]} are less than one step of "
            f"{train.batch_size} samples"
        )
    return replace(variant, train=replace(train, steps=min(steps, MOST_STEPS), budget="steps", amount=None))


def _is_trained(variant: Variant) -> bool:
    from methods.registry import get

    return variant.weights is None and get(variant.method).trained


def _units_per_sample(variant: Variant) -> float:
    match variant.train.budget:
        case "samples":
            return 1
        case "frames":
            return variant.frames
    try:
        return _flops_per_sample(variant)
    except Exception as error:
        raise UsageError(
            f"{variant.name}: train.budget=flops, but its operations cannot be counted ({first_line(error)}); "
            "choose another budget"
        ) from error


def _flops_per_sample(variant: Variant) -> float:
    """Operations of one sample's forward and backward pass, counted on random frames."""
    import torch

    from benchmark.train.flops import SAMPLES, count_work
    from methods.registry import get

    kind = get(variant.method)
    spec = encoder_spec(variant.encoder, variant.size)
    frames = torch.rand(SAMPLES, variant.frames, 3, variant.size, variant.size)
    if kind.kind != "ceiling":
        return count_work(kind(spec, variant.options), [frames]).flops
    method = kind(spec, variant.options, outputs=1, loss=lambda outputs, *_: outputs.square().sum(1))  # type: ignore[call-arg]
    return count_work(method, [frames, torch.zeros(SAMPLES, 1), torch.ones(SAMPLES)]).flops


def absent_rows(config: Config) -> list[str]:
    """A line for each row that is a gap because its weights are not imported, and how to import them."""
    return [
        f"row {name} is a gap: its weights are not in {config.imported}; `fabbench import FILE` puts them there, and "
        "the same command again fills it"
        for name in config.absent
    ]


def budget_note(variants: Mapping[str, Variant], n_frames: int) -> str:
    """A line on how often the methods see each training frame, and that their order is one of this budget.

    Args:
        variants: with their numbers of steps.
        n_frames: frames to train on.

    Returns:
        "" where no method is trained.
    """
    trained = [variant for variant in variants.values() if variant.kind == "method" and _is_trained(variant)]
    if not trained:
        return ""
    order = "The order of methods is one of this budget on these data; it may be another after more training."
    if any(variant.train.budget == "seconds" for variant in trained):
        return f"Budget: {_range(variant.train.amount or 0 for variant in trained)} seconds. {order}"
    steps = _range(variant.train.steps for variant in trained)
    up_to = "up to " if any(variant.train.schedule == "plateau" for variant in trained) else ""
    samples = [variant.train.steps * variant.train.batch_size for variant in trained]
    seen = _range(n * variant.frames / n_frames for n, variant in zip(samples, trained, strict=True))
    return (
        f"Budget: {up_to}{steps} steps, in which methods see each of {n_frames:,} frames {up_to}{seen} times. {order}"
    )


def _range(numbers: Iterable[float]) -> str:
    """The least and the largest of some numbers, such as ``10 to 20``; those below 10 with two digits."""
    ordered = sorted(numbers)
    ends = [f"{number:,.0f}" if number >= 10 else f"{number:.2g}" for number in (ordered[0], ordered[-1])]
    return " to ".join(dict.fromkeys(ends))


def laptop_warning(variants: Mapping[str, Variant], n_tracks: int) -> str | None:
    """A line about a budget that does not see each training track once, which on a large data set is a laptop's.

    Args:
        variants: with their numbers of steps.
        n_tracks: tracks to train on.

    Returns:
        None where every row sees at least as many samples as there are tracks.
    """
    samples = {
        variant.name: variant.train.steps * variant.train.batch_size
        for variant in variants.values()
        if variant.kind == "method" and _is_trained(variant)
    }
    small = {name: n for name, n in samples.items() if n < n_tracks}
    if not small:
        return None
    name = min(small, key=lambda each: small[each])
    train = variants[name].train
    return (
        f"{train.steps:,} steps of {train.batch_size} samples ({name}) draw {small[name]:,} times from {n_tracks:,} "
        f"training tracks: a laptop's budget. preset=paper has the paper's; train.steps sets it"
    )
