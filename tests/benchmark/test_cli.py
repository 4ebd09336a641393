"""The command line: words, options, help, exit codes, and what is imported when."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.commands import find_commands
from tests.benchmark.tiny import ROOT, Finished, refused

COMMANDS = find_commands()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rum"], "unknown command 'rum'; did you mean 'run'?"),
        (["--dry-run", "run"], "unknown command '--dry-run'"),
        (["run", "--dryrun"], "unknown option '--dryrun' for `run`; see fabbench run --help"),
        (["verify", "--dry-run"], "unknown option '--dry-run' for `verify`"),
        (["tables", "--format", "pdf"], "invalid choice: 'pdf'"),
        (["tables", "--format"], "--format: expected one argument"),
        (["run", "train.stesp=1"], "unknown key train.stesp; did you mean 'train.steps'?"),
        (["run", "--cfg", "train.stesp=1"], "unknown key train.stesp"),
        (["run", "-m", "seeds=1,2"], "--multirun: there are no sweeps; give several seeds= and methods="),
        (["tables", "--multirun"], "--multirun: there are no sweeps"),
        (["run", "--config-dir", "/nowhere"], "--config-dir: no such folder: /nowhere"),
        (["run", "steps"], "expected key=value, got 'steps'"),
        (["run", ""], "expected key=value, got ''"),
        (["encoders", "own.py"], "expected key=value, got 'own.py'; write encoder.name=own.py"),
        (["methods", "own.py"], "`fabbench methods own.py --check` tries what is named"),
        (["run", "tasks=pose"], "unknown task 'pose'; did you mean 'synthetic-pose'?"),
        (["run", "methods=fabent"], "unknown method 'fabent'; did you mean 'fabnet'?"),
        (["run", "methods=./absent.py"], "no such file: "),
        (["run", "tasks=synthetic-poes"], "unknown task 'synthetic-poes'; did you mean 'synthetic-pose'?"),
        (["run", "preset=quik"], "unknown preset 'quik'; did you mean 'quick'?"),
        (["run", "preset=/nowhere/a.yaml"], "no such preset file: /nowhere/a.yaml"),
        (["run", "data=vidoes"], "unknown data 'vidoes'; did you mean 'videos'?"),
        (["run", "data=videos"], "needs data.root=DIR"),
        (["run", "data=videos", "--dry-run"], "needs data.root=DIR"),
        (["prepare", "data=frames"], "needs data.root=DIR"),
        (["prepare", "preset=real_mini"], "needs root=DIR"),
        (["verify", "data=videos"], "needs data.root=DIR"),
        (["run", "variants.fabnet.options.sorces=3"], "fabnet has no option 'sorces'"),
        (["run", "data.size=48"], "data.size=48 encoder.name=fabnet: size 48: FAb-Net"),
        (["run", "train.lr=nan"], "train.lr=nan must be a finite number"),
        (["run", "sets.synthetic.trian=8"], "unknown key sets.synthetic.trian; did you mean 'sets.synthetic.train'?"),
        (["run", "sets.synthetic.train=many"], "sets.synthetic.train=many must be a valid integer"),
        (["run", "sets.synthetic.kind=cvs"], "unknown sets.synthetic.kind=cvs; did you mean 'csv'?"),
        (["run", "task.x={set: synthetic, target: pose}", "tasks=x,y"], "unknown task 'y'"),
        (["run", "probe.heads=[linaer]"], "unknown probe.heads[0]=linaer; did you mean 'linear'?"),
        (
            ["run", "variants.a.init_from=fabnet-curiculum", "variants.a.method=fabnet", "methods=a"],
            "did you mean 'fabnet-c",
        ),
        (["run", "methods=vgg-face"], "vgg-face needs weights: fabbench import FILE, or variants.vgg-face.weights=DIR"),
        (["import"], "`fabbench import` takes one FILE"),
        (["import", "a.pt", "b.pt"], "`fabbench import` takes one FILE"),
        (["import", "a.pt", "--as", "a/b"], "--as: 'a/b' cannot name a folder"),
        (["import", "a.pt", "--option", "channels"], "--option channels: expected KEY=VALUE"),
        (["pictures"], "`fabbench pictures` takes one RUN"),
        (["pictures", "fabnet/seed0"], "no run 'fabnet/seed0' of benchmark default"),
        (["data", "shwo"], "not 'shwo'; did you mean 'show'?"),
        (["data", "show"], "name what to show: affectnet, aflw, "),
        (["data", "show", "synthetik"], "unknown set 'synthetik'; did you mean 'synthetic'?"),
    ],
)
def test_a_mistake_on_the_command_line_is_reported_in_one_line(
    words: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*words, f"cache={tmp_path / 'cache'}"] if words[0] == "run" else words
    assert expected in refused(2, *words)
    assert list(tmp_path.glob("**/manifest.json")) == []
    assert list(tmp_path.glob("**/runs")) == []


def test_help_shows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["-h"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert all(name in shown for name in COMMANDS)
    assert main([]) == 2
    assert "COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert f"  fabbench {name}" in shown.partition("examples:")[2]


@pytest.mark.parametrize(
    "line",
    [
        line.strip().split("  ")[0].split()
        for command in COMMANDS.values()
        for line in command.EXAMPLES.strip().splitlines()
        if "my_method" not in line and "=./" not in line and "[exact,./" not in line  # files of the reader's own
    ],
    ids=" ".join,
)
def test_the_examples_are_valid(line: list[str]) -> None:
    """As far as the configuration goes: what they name exists."""
    from benchmark.config.load import load

    assert line[0] == "fabbench"
    assert line[1] in COMMANDS
    load([word for before, word in pairwise(line[1:]) if "=" in word and before != "--option"])


def imported(code: str) -> set[str]:
    """Top-level packages loaded after ``code`` ran in a fresh interpreter."""
    script = f"{code}\nimport sys; print(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_the_command_line_starts_without_numerical_libraries() -> None:
    heavy = {"torch", "pandas", "sklearn", "scipy", "kornia", "av", "pyarrow", "matplotlib", "numpy", "hydra"}
    assert not heavy & imported("import benchmark, benchmark.cli")
    heavy -= {"hydra"}
    assert not heavy & imported("import benchmark.cli; benchmark.cli.main(['tasks']); print()")


def finished_alone(*words: str) -> Finished:
    answer = subprocess.run([sys.executable, "-m", "benchmark", *words], cwd=ROOT, capture_output=True, text=True)
    return Finished(answer.returncode, answer.stdout, answer.stderr)


def test_python_m_benchmark_is_fabbench() -> None:
    answer = finished_alone("rum")
    assert (answer.code, answer.out, answer.err) == (2, "", "fabbench: unknown command 'rum'; did you mean 'run'?\n")
