"""Settings typed on the command line: a command uses them, compares them with the last launch, or refuses them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.commands import Command, find_commands
from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from benchmark.pipeline.benchmark_record import BenchmarkRecord

ALWAYS = ("preset", "root")  # choose what the other keys are; a preset may not load without root


def typed_keys(settings: Iterable[str]) -> list[str]:
    """The keys that settings set, dotted, each once; ``variants.a={method: b}`` sets ``variants.a.method``."""
    from benchmark.config.overrides import parse

    return list(dict.fromkeys(leaf for setting in parse(settings) for leaf in _leaves(setting.key, setting.value)))


def check_settings(command: Command, settings: Sequence[str], config: "Config") -> None:
    """Refuses settings that would have no effect on a command.

    A command for launched benchmarks also takes the other settings of the launch, if they have not changed.

    Raises:
        UsageError: a setting without an effect, or another value than at the launch.
    """
    if command.SETTINGS is None:
        return
    if not command.FOR_LAUNCHED:
        refuse_unused(command.NAME, command.SETTINGS, settings)
    elif others := _unused(command.SETTINGS, settings):
        _check_as_launched(command.NAME, others, config)


def refuse_unused(usage: str, used: Sequence[str], settings: Sequence[str]) -> None:
    """Refuses settings other than those used.

    Args:
        usage: of the command, as typed after `fabbench`.
        used: keys; each covers the keys below it.
        settings: as typed.

    Raises:
        UsageError: there is one; the message names the commands that use it.
    """
    unused = _unused(used, settings)
    if not unused:
        return
    users = [
        f"`{name}`"
        for name, command in find_commands().items()
        if name != usage and (command.SETTINGS is None or _covers(command.SETTINGS, unused[0]))
    ]
    raise UsageError(f"{unused[0]} has no effect on `fabbench {usage}`; it is a setting of {', '.join(users)}")


def set_keys(names: Sequence[str], config: "Config") -> tuple[str, ...]:
    """The keys that decide labelled sets: of those made of tracks, all of the pre-training data.

    A source of the user's own gives sets its size, and may not load without its settings.
    """
    from benchmark.config.own import TrackReader
    from benchmark.config.sets import TrackFaces

    of_tracks = any(isinstance(config.sets.get(name), TrackFaces) for name in names)
    return ("sets", "data" if of_tracks or isinstance(config.data, TrackReader) else "data.size")


def selected_benchmark(settings: Sequence[str], config: "Config") -> "BenchmarkRecord":
    """The last launch of a benchmark, or the part of it that `methods=`, `tasks=` and `seeds=` select, where typed.

    Raises:
        UsageError: no such benchmark, or a row, task or seed that it does not have.
    """
    from benchmark.config.schema import row_name
    from benchmark.pipeline.benchmark_record import BenchmarkRecord
    from benchmark.pipeline.selection import select_runs

    typed = typed_keys(settings)
    record = BenchmarkRecord.read(Path(config.out, config.name))
    if not record.all_runs:  # its data are being prepared
        return record
    return select_runs(
        record,
        rows=[row_name(method) for method in config.methods] if "methods" in typed else None,
        tasks=config.tasks if "tasks" in typed else None,
        seeds=config.seeds if "seeds" in typed else None,
    )


def _unused(used: Sequence[str], settings: Sequence[str]) -> list[str]:
    return [key for key in typed_keys(settings) if not _covers((*ALWAYS, *used), key)]


def _check_as_launched(name: str, keys: Sequence[str], config: "Config") -> None:
    """Compares settings with those of the benchmark's last launch.

    Settings that change where and how fast a benchmark is computed may differ, and have no effect.
    """
    from benchmark.config.load import plain
    from benchmark.config.schema import NON_IDENTITY_FIELDS
    from benchmark.pipeline.benchmark_record import BenchmarkRecord
    from benchmark.progress import say

    record = BenchmarkRecord.read(Path(config.out, config.name))
    resolved = plain(config)
    for key in keys:
        path = f"{key}.kind" if key in ("data", "launcher") else key  # the choice of a group
        value, launched = _value(resolved, path), _value(record.config, path)
        if value == launched or not record.config:
            continue
        if _covers(("cache", "launcher", *(f"train.{field}" for field in NON_IDENTITY_FIELDS)), key):
            say(f"note: {path}={value} has no effect on `fabbench {name}`")
            continue
        difference = "without it" if launched is None else f"with {path}={launched}"
        raise UsageError(
            f"{path}={value}, but benchmark {record.benchmark!r} in {config.out} was launched {difference}; leave it "
            "out, or name another benchmark by name= and out="
        )


def _covers(used: Sequence[str], key: str) -> bool:
    """Whether a key is among those used, is below one of them, or chooses a group that holds one."""
    return any(key == other or key.startswith(f"{other}.") or other.startswith(f"{key}.") for other in used)


def _leaves(key: str, value: object) -> list[str]:
    if not isinstance(value, dict) or not value:
        return [key]
    return [leaf for name, item in value.items() for leaf in _leaves(f"{key}.{name}", item)]


def _value(values: dict[str, Any], key: str) -> Any:
    """The value of a dotted key; None where there is none."""
    value: Any = values
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
