"""Graphs of small calls on a real Slurm."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from slurm.commands import SlurmError, sacct, sbatch, scancel, squeue
from slurm.graph import Job
from slurm.ledger import Ledger
from slurm.resources import Resources
from slurm.submission import in_queue, scripts, submit
from tests.slurm.calls import SMALL, count, describe, empty, fail, hold, launch, site, wait, write
from tests.slurm_lab.cluster import Lab


def job(place: Path, name: str, *after: str, stage: str = "first", afterany: bool = False) -> Job:
    return Job(name, write, (str(place / name),), after, stage, afterany)


def made(place: Path) -> set[str]:
    return {path.name for path in place.iterdir() if path.is_file()}


def entry(place: Path, name: str) -> str:
    return Ledger(place / "slurm").entries[name].job


def log(place: Path, name: str) -> str:
    return Path(Ledger(place / "slurm").entries[name].log).read_text()


def test_a_failure_stops_its_own_dependents_alone_and_launching_again_does_the_rest(lab: Lab, tmp_path: Path) -> None:
    def graph(broken: Job) -> list[Job]:
        jobs = [job(tmp_path, "p0"), broken, job(tmp_path, "p2")]
        jobs += [job(tmp_path, f"e{n}", f"p{n}", stage="second") for n in range(3)]
        return [*jobs, job(tmp_path, "tables", *(one.name for one in jobs), stage="tables", afterany=True)]

    launch(tmp_path, graph(Job("p1", fail, ("no luck",), stage="first")))
    wait(empty)
    assert made(tmp_path) == {"p0", "p2", "e0", "e2", "tables"}
    assert "ValueError: no luck" in log(tmp_path, "p1")
    jobs = graph(job(tmp_path, "p1"))
    again = launch(tmp_path, [one for one in jobs if one.name in ("p1", "e1")])
    assert [array.stage for array in again.arrays] == ["first", "second"]
    wait(empty)
    assert made(tmp_path) == {one.name for one in jobs}


def test_what_waits_or_runs_is_never_submitted_again(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p0", hold, (str(tmp_path / "p0"),), stage="first"), job(tmp_path, "e0", "p0", stage="second")]
    launch(tmp_path, jobs)
    wait((tmp_path / "p0").exists)
    before = squeue().keys()
    again = launch(tmp_path, [*jobs, job(tmp_path, "e1", "p0", stage="second")])
    assert again.queued == ["p0", "e0"]
    assert [array.dependency for array in again.arrays] == [f"aftercorr:{entry(tmp_path, 'p0').partition('_')[0]}"]
    assert squeue().keys() - before == {entry(tmp_path, "e1")}
    (tmp_path / "p0.go").touch()
    wait(empty)
    assert {"p0", "e0", "e1"} <= made(tmp_path)


def test_packed_jobs_share_a_gpu_as_processes(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", describe, (str(tmp_path / f"p{n}"),)) for n in range(3)]
    resources = replace(SMALL, gpus=1, pack=2)
    launch(tmp_path, [*jobs, Job("p3", fail, ("alone",))], resources, setup=("export FROM_SETUP=yes",))
    wait(empty)
    seen = [dict(line.split("=", 1) for line in (tmp_path / f"p{n}").read_text().splitlines()) for n in range(3)]
    assert all(one["FROM_SETUP"] == "yes" and one["CUDA_VISIBLE_DEVICES"] in ("0", "1") for one in seen)
    assert seen[0]["CUDA_VISIBLE_DEVICES"] == seen[1]["CUDA_VISIBLE_DEVICES"]
    assert seen[0]["PID"] != seen[1]["PID"]
    assert all(str(tmp_path / "snapshots") in one["CODE"] for one in seen), "the snapshot runs, not the checkout"
    assert "ValueError: alone" in log(tmp_path, "p3")


def test_resources_reach_the_job(lab: Lab, tmp_path: Path) -> None:
    launch(tmp_path, [Job("p", describe, (str(tmp_path / "p"),))], replace(SMALL, cpus=3, options=["--nodelist=n3"]))
    wait(empty)
    seen = (tmp_path / "p").read_text()
    assert "SLURMD_NODENAME=n3" in seen
    assert "SLURM_CPUS_PER_TASK=3" in seen


def test_only_so_many_run_at_a_time(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", hold, (str(tmp_path / f"p{n}"),)) for n in range(4)]
    launch(tmp_path, jobs, replace(SMALL, parallel=2))
    wait(lambda: len(made(tmp_path)) == 2)
    assert sorted(seen.state for seen in squeue().values()) == ["PENDING", "PENDING", "RUNNING", "RUNNING"]
    for one in jobs:
        (tmp_path / f"{one.name}.go").touch()
    wait(empty)


def test_whatever_ends_a_job_early_it_goes_on_from_where_it_was(lab: Lab, tmp_path: Path) -> None:
    """Notice of the walltime, requeue without notice, the death of a node and of the controller, all at once."""
    names = ("notice", "requeued", "node", "calm")
    jobs = [Job(name, count, (str(tmp_path / name), 60, 0.25)) for name in names]
    launch(tmp_path, [*jobs, job(tmp_path, "end", *names, stage="second")], replace(SMALL, cpus=4))  # a node each
    wait(lambda: {*names} <= made(tmp_path))
    on = squeue()[entry(tmp_path, "node")].node
    subprocess.run(["scancel", "--signal=USR2", entry(tmp_path, "notice")], check=True)
    subprocess.run(["scontrol", "requeue", entry(tmp_path, "requeued")], check=True)
    lab.kill_node(on)
    subprocess.run(["scontrol", "update", f"NodeName={on}", "State=DOWN", "Reason=test"], check=True)
    lab.stop_controller()
    lab.start_controller()
    lab.start_node(on)
    wait(empty)
    assert {(tmp_path / name).read_text() for name in names} == {"60"}
    assert len((tmp_path / "notice.stops").read_text().split()) == 1, "it was told, saved itself and left"
    assert (tmp_path / "end").exists()


def test_a_job_that_meets_its_walltime_is_queued_again(lab: Lab, tmp_path: Path) -> None:
    launch(tmp_path, [Job("p", count, (str(tmp_path / "p"), 50, 1.0))], replace(SMALL, minutes=1), notice_seconds=30)
    wait(empty)
    assert (tmp_path / "p").read_text() == "50"
    assert (tmp_path / "p.stops").exists()


@pytest.mark.parametrize(("partition", "noticed"), [("soft", True), ("low", False)])
def test_a_job_that_makes_room_for_others_goes_on_after_them(
    lab: Lab, tmp_path: Path, partition: str, noticed: bool
) -> None:
    """Preempted with ten seconds of grace, and at once."""
    small = replace(SMALL, cpus=4)
    jobs = [Job(f"p{n}", count, (str(tmp_path / f"p{n}"), 60, 0.25)) for n in range(4)]  # a node each
    launch(tmp_path, jobs, replace(small, partition=partition))
    wait(lambda: len(made(tmp_path)) == 4)
    (other := tmp_path / "other").mkdir()
    launch(other, [Job("urgent", hold, (str(other / "urgent"),))], replace(small, partition="main"))
    wait((other / "urgent").exists)
    assert [seen.state for seen in squeue().values()].count("RUNNING") <= 4
    (other / "urgent.go").touch()
    wait(empty)
    assert [(tmp_path / f"p{n}").read_text() for n in range(4)] == ["60"] * 4
    restarted = [n for n in range(4) if "CANCELLED" in log(tmp_path, f"p{n}") or (tmp_path / f"p{n}.stops").exists()]
    assert restarted, "none made room"
    if noticed:
        assert all((tmp_path / f"p{n}.stops").exists() for n in restarted), "one was not told"


def test_a_pack_that_is_told_to_stop_saves_all_and_is_queued_again_once(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", count, (str(tmp_path / f"p{n}"), 30, 0.2)) for n in range(2)]
    launch(tmp_path, jobs, replace(SMALL, pack=2))
    wait(lambda: {"p0", "p1"} <= made(tmp_path))
    subprocess.run(["scancel", "--signal=USR2", entry(tmp_path, "p0")], check=True)
    wait(empty)
    assert [(tmp_path / f"p{n}").read_text() for n in range(2)] == ["30", "30"]
    assert [len((tmp_path / f"p{n}.stops").read_text().split()) for n in range(2)] == [1, 1]


def test_a_job_is_not_queued_again_for_ever(lab: Lab, tmp_path: Path) -> None:
    launch(tmp_path, [Job("p", count, (str(tmp_path / "p"), 1000, 0.1))], requeues=0)
    wait((tmp_path / "p").exists)
    subprocess.run(["scancel", "--signal=USR2", entry(tmp_path, "p")], check=True)
    wait(empty)
    assert "launching again goes on from it" in log(tmp_path, "p")


def test_cancelling_a_part_leaves_the_rest(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", hold, (str(tmp_path / f"p{n}"),)) for n in range(2)]
    jobs += [job(tmp_path, f"e{n}", f"p{n}", stage="second") for n in range(2)]
    launch(tmp_path, jobs)
    wait(lambda: {"p0", "p1"} <= made(tmp_path))
    scancel([entry(tmp_path, "p0")])
    (tmp_path / "p1.go").touch()
    wait(empty)
    assert "e1" in made(tmp_path)
    assert "e0" not in made(tmp_path)
    wait(lambda: (sacct([entry(tmp_path, "p0")]) or {})[entry(tmp_path, "p0")].state == "CANCELLED")
    (tmp_path / "p0.go").touch()
    assert not launch(tmp_path, [one for one in jobs if one.name.endswith("0")]).queued
    wait(empty)
    assert "e0" in made(tmp_path)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        (replace(SMALL, partition="nosuch"), "invalid partition specified: nosuch"),
        (replace(SMALL, memory="9000G"), "Memory specification can not be satisfied"),
        (replace(SMALL, partition="short", minutes=100), "time limit"),
        (replace(SMALL, gpus=9), "Requested node configuration is not available"),
        (replace(SMALL, reservation="nosuch"), "reservation"),
        (replace(SMALL, options=["--nosuch"]), "unrecognized option '--nosuch'"),
    ],
    ids=["partition", "memory", "walltime", "gpus", "reservation", "option"],
)
def test_what_slurm_refuses_is_told_in_its_own_words(
    lab: Lab, tmp_path: Path, resources: Resources, words: str
) -> None:
    jobs = [job(tmp_path, "p"), job(tmp_path, "e", "p", stage="second")]
    with pytest.raises(SlurmError) as caught:
        launch(tmp_path, jobs, resources)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert empty()


def test_a_launch_that_is_refused_half_way_leaves_nothing_in_the_queue(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p", hold, (str(tmp_path / "p"),), stage="first"), job(tmp_path, "e", "p", stage="second")]
    resources = {"first": SMALL, "second": replace(SMALL, partition="nosuch")}
    with pytest.raises(SlurmError, match="nosuch"):
        submit(jobs, resources, site(tmp_path), tmp_path / "slurm", tmp_path / "logs")
    wait(empty)
    assert in_queue(Ledger(tmp_path / "slurm")) == {}


def test_without_sbatch_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlurmError, match="is not on PATH"):
        launch(tmp_path, [job(tmp_path, "p")])


def test_scripts_can_be_read_before_anything_is_submitted(lab: Lab, tmp_path: Path) -> None:
    jobs = [job(tmp_path, "p"), job(tmp_path, "e", "p", stage="second")]
    where = site(tmp_path)
    found = scripts(jobs, {"first": SMALL, "second": replace(SMALL, qos="high")}, where, tmp_path / "s", tmp_path / "l")
    assert [array.dependency for array, _ in found] == ["", "aftercorr:ARRAY0"]
    assert "#SBATCH --qos=high" in found[1][1]
    assert empty()
    shutil.rmtree(tmp_path / "snapshots")
    assert made(tmp_path) == set()


def test_names_and_paths_may_hold_what_sbatch_and_shells_read_as_more(lab: Lab, tmp_path: Path) -> None:
    place = tmp_path / "50%A b's,\"$HOME #z ü"
    place.mkdir()
    launch(place, [Job("p", hold, (str(place / "p"),))], name="my 'b|\"x, %j ü")
    wait((place / "p").exists)
    assert launch(place, [Job("p", hold, (str(place / "p"),))]).queued == ["p"]
    assert Path(Ledger(place / "slurm").entries["p"].log).is_file()
    (place / "p.go").touch()
    wait(empty)


def test_what_a_shell_says_to_slurms_commands_hides_no_job(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = {"SQUEUE_STATES": "COMPLETED", "LOGNAME": "nobody", "SBATCH_PARTITION": "nosuch", "RANK": "1"}
    for name, value in hidden.items():
        monkeypatch.setenv(name, value)
    jobs = [Job("p", hold, (str(tmp_path / "p"),))]
    launch(tmp_path, jobs)
    wait((tmp_path / "p").exists)
    assert launch(tmp_path, jobs).queued == ["p"]
    (tmp_path / "p.go").touch()
    wait(empty)


def test_what_a_broken_launch_left_in_the_queue_is_not_submitted_beside_it(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p", hold, (str(tmp_path / "p"),))]
    launch(tmp_path, jobs)
    wait((tmp_path / "p").exists)
    first, ledger = entry(tmp_path, "p"), tmp_path / "slurm" / "jobs.json"
    ledger.write_text(ledger.read_text()[:30])
    with pytest.raises(SlurmError, match="cut short or altered"):
        launch(tmp_path, jobs)
    ledger.unlink()
    launch(tmp_path, jobs)
    wait(lambda: first not in squeue())
    (tmp_path / "p.go").touch()
    wait(empty)


def test_a_full_disk_leaves_nothing_in_the_queue(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "add", full)
        with pytest.raises(OSError, match="No space"):
            launch(tmp_path, [Job("p", hold, (str(tmp_path / "p"),))])
    wait(empty)


@pytest.mark.parametrize("answer", ["slurm is in maintenance", ""])
def test_an_answer_that_cannot_be_read_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    for name in ("squeue", "sbatch"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SlurmError, match="submitted nothing"):
        sbatch(tmp_path / "none")
    if answer:
        with pytest.raises(SlurmError, match="gave no list of jobs"):
            squeue()


def test_without_its_code_a_job_fails_rather_than_run_other(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p0", hold, (str(tmp_path / "p0"),)), job(tmp_path, "e0", "p0", stage="second")]
    launch(tmp_path, jobs)
    wait((tmp_path / "p0").exists)
    shutil.rmtree(tmp_path / "snapshots")
    (tmp_path / "p0.go").touch()
    wait(empty)
    assert "e0" not in made(tmp_path)
    assert "the code of this job is gone" in log(tmp_path, "e0")
