"""Values that cannot work: the message names the key, the problem and the nearest match."""

import pytest

from tests.benchmark.config.messages import refusal


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.stesp=1", "unknown key train.stesp; did you mean 'train.steps'?"),
        ("tran.steps=1", "unknown key tran; did you mean 'train'?"),
        ("data.identites=1", "unknown key data.identites; did you mean 'data.identities'?"),
        ("variants.fabnet.train.lrr=1", "unknown key variants.fabnet.train.lrr; did you mean"),
        ("variants.fabnet.option={}", "unknown key variants.fabnet.option; did you mean"),
        ("preset=quik", "unknown preset 'quik'; did you mean 'quick'?"),
        ("data=video", "unknown data 'video'; did you mean 'videos'?"),
        ("data.kind=video", "unknown data.kind=video; did you mean 'videos'?"),
        ("launcher=lokal", "unknown launcher 'lokal'; did you mean 'local'?"),
        ("tasks=synthetic-poes", "tasks: unknown task 'synthetic-poes'; did you mean 'synthetic-pose'?"),
        ("task.synthetic-pose.set=synthtic", "unknown set 'synthtic'; did you mean 'synthetic'?"),
        ("train.optimiser=adm", "unknown train.optimiser=adm; did you mean 'adam'?"),
        (
            "variants.fabnet.train.optimiser=adagrad",
            "variants.fabnet.train.optimiser=adagrad; available: adam, adamw, sgd",
        ),
        ("train.schedule=cosine", "available: constant, multistep, one_cycle, plateau"),
        ("train.amp=half", "available: auto, bf16, off"),
        ("train.device=xla", "available: auto, cpu, cuda"),
        ("launcher.kind=slrm", "did you mean 'slurm'?"),
        ("probe.table_head=exat", "did you mean 'exact'?"),
        ("data=joined", "unknown data 'joined'; it is called 'concat' now"),
        ("data.kind=joined", "unknown data.kind=joined; it is called 'concat' now"),
        ("sets.own={kind: cvs}", "unknown sets.own.kind=cvs; did you mean 'csv'?"),
        ("sets.own={kind: w300, boxs: mat}", "unknown key sets.own.boxs; did you mean 'sets.own.boxes'?"),
        (
            "launcher.pretrain.timeout_mn=3",
            "unknown key launcher.pretrain.timeout_mn; did you mean 'launcher.pretrain.timeout_min'?",
        ),
        ("launcher.job.timeout_mn=3", "unknown key launcher.job.timeout_mn; did you mean 'launcher.job.timeout_min'?"),
    ],
)
def test_a_misspelt_word_is_named_with_the_nearest(override: str, expected: str) -> None:
    assert expected in refusal(override)


@pytest.mark.parametrize(
    "override",
    [
        "train.steps=many",
        "train.steps=1.5",
        "train.steps=1,2",
        "train.steps={a: 1}",
        "train.lr=",
        "train=3",
        "encoder.width.x=3",
        "methods={a: 1}",
        "variants=3",
        "variants.fabnet=3",
        "variants.fabnet.train=3",
        "variants.fabnet.train.lr=fast",
        "sets=3",
        "sets.synthetic=3",
        "task.synthetic-pose=3",
        "out=",
        "out=${nowhere}",
        "data.size=${nowhere}",
        "train.steps=true",
        "probe.heads=linear,exact",
    ],
)
def test_values_of_the_wrong_type_are_named(override: str) -> None:
    key = override.partition("=")[0]
    message = refusal(override)
    assert any(part in message for part in (key, key.rpartition(".")[0] or key)), message


@pytest.mark.parametrize(
    "override",
    [
        "train.steps=0",
        "train.steps=-5",
        "train.batch_size=0",
        "train.lr=nan",
        "train.lr=.inf",
        "train.lr=-1",
        "train.clip=-1",
        "train.threads=100000",
        "train.momentum=5",
        "variants.fabnet.train.lr=-1",
        "variants.fabnet.train.steps=0",
        "encoder.width=0",
        "data.size=8",
        "data.jpeg_quality=101",
        "augment.translate=2",
        "augment.scale=1",
        "launcher.workers=-1",
        "launcher.pretrain.cpus_per_task=0",
        "sets.w300.val_fraction=1",
        "probe.seed=-1",
        "data.seed=-5",
        "data.split_seed=-1",
        "data.identities=1",
        "data.version=3",
        "data.tracks_per_identity=0",
        "data.frames_per_track=1",
        "sets.synthetic.train=0",
        "sets.synthetic.val=-8",
        "sets.synthetic.frames_per_identity=0",
        "sets.synthetic.seed=-1",
        "train.steps=1000000000001",
    ],
)
def test_numbers_out_of_range_are_refusal(override: str) -> None:
    assert f"{override.partition('=')[0]}=" in refusal(override)


@pytest.mark.parametrize(
    "override",
    ["name=a/b", "name=..", "name=''", "data.name=a/b", "variants={a/b: {method: fabnet}}", f"name={'n' * 201}"],
)
def test_names_that_cannot_be_folders_are_refusal(override: str) -> None:
    assert "cannot name a folder" in refusal(override)


@pytest.mark.parametrize(
    "override", ["methods=fabnet,fabnet", "methods=fabnet,./fabnet.py", "methods=a/m.py,b/m.py", "methods=", "tasks="]
)
def test_empty_and_repeated_names_are_refused(override: str) -> None:
    assert "twice" in refusal(override) or "empty" in refusal(override)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("train=3", "train holds keys of its own, such as train.steps=, not the value 3"),
        ("variants=3", "variants holds keys of its own, such as variants.NAME=, not the value 3"),
        ("sets.synthetic=3", "sets.synthetic holds keys of its own, such as sets.synthetic.kind=, not the value 3"),
        ("sets.own={root: /data}", "sets.own.kind is missing"),
        ("task.own={set: synthetic}", "task.own.target is missing"),
        ("probe.heads=linear", "probe.heads is a list, such as probe.heads=[a,b], not the value 'linear'"),
        ("train.threads=2000", "train.threads=2000 must be less than or equal to 1024"),
    ],
)
def test_messages_say_what_is_expected(setting: str, expected: str) -> None:
    assert refusal(setting) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            ["launcher.pretrain={pack: 2, nodes: 2}"],
            "jobs of several nodes or processes cannot be packed",
        ),
        (["launcher.job.timeout_min=3"], "launcher.job.timeout_min=3 leaves no time before slurm_signal_delay_s=180"),
        (["launcher.job.slurm_additional_parameters={array: 0-9}"], "slurm_additional_parameters: array cannot be set"),
        (["launcher=slurm", "launcher.job.timeout_min=null"], "launcher.prepare.timeout_min, the walltime in minutes"),
        (["launcher=local", "launcher.pretrain.nodes=2"], "launcher=local uses this machine alone"),
        (["launcher=slurm", "launcher.pretrain.tasks_per_node=3"], "cannot be shared out among 3 processes"),
        (["sets.synthetic.train=3"], "sets.synthetic: train=3 is no multiple of frames_per_identity=8"),
        (["data.root=/x"], "data.root: has no effect with data=synthetic, which reads no files; leave it out"),
        (["probe.heads=[]"], "probe.heads is empty: name at least one"),
        (["probe.heads=[linear,linear]"], "probe.heads: linear, linear names one twice"),
        (["probe.heads=[linear]"], "unknown probe.table_head=exact; available: linear"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: list[str], expected: str) -> None:
    assert refusal(*settings).startswith(expected) or expected in refusal(*settings)
