"""Submission of small graphs to a real Slurm."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from slurm.commands import SlurmError, sacct, scancel, squeue
from slurm.graph import Job
from slurm.ledger import Ledger
from slurm.resources import Resources
from slurm.submission import in_queue, planned, submit
from tests.slurm.calls import SMALL, count, describe, empty, fail, hold, launch, site, wait, write
from tests.slurm_lab.cluster import Lab


def job(folder: Path, name: str, *depends_on: str, stage: str = "first", afterany: bool = False) -> Job:
    return Job(name, write, (str(folder / name),), depends_on, stage, afterany)


def created(folder: Path) -> set[str]:
    """Names of the files in a folder."""
    return {path.name for path in folder.iterdir() if path.is_file()}


def job_id(folder: Path, name: str) -> str:
    return Ledger(folder / "slurm").entries[name].job


def log_text(folder: Path, name: str) -> str:
    return Path(Ledger(folder / "slurm").entries[name].log).read_text()


def test_a_failure_stops_only_its_dependents_and_another_launch_completes_them(lab: Lab, tmp_path: Path) -> None:
    def graph(broken: Job) -> list[Job]:
        jobs = [job(tmp_path, "p0"), broken, job(tmp_path, "p2")]
        jobs += [job(tmp_path, f"e{n}", f"p{n}", stage="second") for n in range(3)]
        return [*jobs, job(tmp_path, "tables", *(each.name for each in jobs), stage="tables", afterany=True)]

    launch(tmp_path, graph(Job("p1", fail, ("no luck",), stage="first")))
    wait(empty)
    assert created(tmp_path) == {"p0", "p2", "e0", "e2", "tables"}
    assert "ValueError: no luck" in log_text(tmp_path, "p1")
    jobs = graph(job(tmp_path, "p1"))
    again = launch(tmp_path, [each for each in jobs if each.name in ("p1", "e1")])
    assert [array.stage for array in again.arrays] == ["first", "second"]
    wait(empty)
    assert created(tmp_path) == {each.name for each in jobs}


def test_pending_and_running_jobs_are_not_submitted_again(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p0", hold, (str(tmp_path / "p0"),), stage="first"), job(tmp_path, "e0", "p0", stage="second")]
    launch(tmp_path, jobs)
    wait((tmp_path / "p0").exists)
    before = squeue().keys()
    again = launch(tmp_path, [*jobs, job(tmp_path, "e1", "p0", stage="second")])
    assert list(again.queued) == ["p0", "e0"]
    assert [array.dependency for array in again.arrays] == [f"aftercorr:{job_id(tmp_path, 'p0').partition('_')[0]}"]
    assert squeue().keys() - before == {job_id(tmp_path, "e1")}
    (tmp_path / "p0.go").touch()
    wait(empty)
    assert {"p0", "e0", "e1"} <= created(tmp_path)


def test_packed_jobs_share_a_gpu_as_processes(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", describe, (str(tmp_path / f"p{n}"),)) for n in range(3)]
    resources = replace(SMALL, gpus_per_node=1, pack=2, slurm_setup=["export FROM_SETUP=yes"])
    launch(tmp_path, [*jobs, Job("p3", fail, ("alone",))], resources)
    wait(empty)
    variables = [dict(line.split("=", 1) for line in (tmp_path / f"p{n}").read_text().splitlines()) for n in range(3)]
    assert all(each["FROM_SETUP"] == "yes" and each["CUDA_VISIBLE_DEVICES"] in ("0", "1") for each in variables)
    assert variables[0]["CUDA_VISIBLE_DEVICES"] == variables[1]["CUDA_VISIBLE_DEVICES"]
    assert variables[0]["PID"] != variables[1]["PID"]
    assert all(str(tmp_path / "snapshots") in each["CODE"] for each in variables), "the snapshot runs, not the checkout"
    assert "ValueError: alone" in log_text(tmp_path, "p3")


def test_resources_reach_the_job(lab: Lab, tmp_path: Path) -> None:
    launch(tmp_path, [Job("p", describe, (str(tmp_path / "p"),))], replace(SMALL, cpus_per_task=3, slurm_nodelist="n3"))
    wait(empty)
    variables = (tmp_path / "p").read_text()
    assert "SLURMD_NODENAME=n3" in variables
    assert "SLURM_CPUS_PER_TASK=3" in variables


def test_array_parallelism_limits_the_running_jobs(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", hold, (str(tmp_path / f"p{n}"),)) for n in range(4)]
    launch(tmp_path, jobs, replace(SMALL, slurm_array_parallelism=2))
    wait(lambda: len(created(tmp_path)) == 2)
    assert sorted(info.state for info in squeue().values()) == ["PENDING", "PENDING", "RUNNING", "RUNNING"]
    for each in jobs:
        (tmp_path / f"{each.name}.go").touch()
    wait(empty)


def test_a_job_continues_from_its_state_after_every_kind_of_interruption(lab: Lab, tmp_path: Path) -> None:
    """Notice, requeue without notice, and the death of a node and of the controller, all at once."""
    names = ("notice", "requeued", "node", "calm")
    jobs = [Job(name, count, (str(tmp_path / name), 60, 0.25)) for name in names]
    launch(
        tmp_path, [*jobs, job(tmp_path, "end", *names, stage="second")], replace(SMALL, cpus_per_task=4)
    )  # a node each
    wait(lambda: {*names} <= created(tmp_path))
    node = squeue()[job_id(tmp_path, "node")].node
    subprocess.run(["scancel", "--signal=USR2", job_id(tmp_path, "notice")], check=True)
    subprocess.run(["scontrol", "requeue", job_id(tmp_path, "requeued")], check=True)
    lab.kill_node(node)
    subprocess.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"], check=True)
    lab.stop_controller()
    lab.start_controller()
    lab.start_node(node)
    wait(empty)
    assert {(tmp_path / name).read_text() for name in names} == {"60"}
    assert len((tmp_path / "notice.stops").read_text().split()) == 1, "it received the notice, saved its state and left"
    assert (tmp_path / "end").exists()


def test_a_job_is_requeued_at_its_walltime(lab: Lab, tmp_path: Path) -> None:
    launch(
        tmp_path,
        [Job("p", count, (str(tmp_path / "p"), 50, 1.0))],
        replace(SMALL, timeout_min=1, slurm_signal_delay_s=30),
    )
    wait(empty)
    assert (tmp_path / "p").read_text() == "50"
    assert (tmp_path / "p.stops").exists()


@pytest.mark.parametrize(("partition", "noticed"), [("soft", True), ("low", False)])
def test_a_preempted_job_continues_later(lab: Lab, tmp_path: Path, partition: str, noticed: bool) -> None:
    """With ten seconds of grace, and without."""
    small = replace(SMALL, cpus_per_task=4)
    jobs = [Job(f"p{n}", count, (str(tmp_path / f"p{n}"), 60, 0.25)) for n in range(4)]  # a node each
    launch(tmp_path, jobs, replace(small, slurm_partition=partition))
    wait(lambda: len(created(tmp_path)) == 4)
    (other := tmp_path / "other").mkdir()
    launch(other, [Job("urgent", hold, (str(other / "urgent"),))], replace(small, slurm_partition="main"))
    wait((other / "urgent").exists)
    assert [info.state for info in squeue().values()].count("RUNNING") <= 4
    (other / "urgent.go").touch()
    wait(empty)
    assert [(tmp_path / f"p{n}").read_text() for n in range(4)] == ["60"] * 4
    stops = [tmp_path / f"p{n}.stops" for n in range(4)]
    restarted = [n for n in range(4) if stops[n].exists() or "CANCELLED" in log_text(tmp_path, f"p{n}")]
    assert restarted, "no job was preempted"
    if noticed:
        assert all(stops[n].exists() for n in restarted), "a job received no notice"


def test_a_pack_saves_all_its_jobs_on_notice_and_is_requeued_once(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", count, (str(tmp_path / f"p{n}"), 30, 0.2)) for n in range(2)]
    launch(tmp_path, jobs, replace(SMALL, pack=2))
    wait(lambda: {"p0", "p1"} <= created(tmp_path))
    subprocess.run(["scancel", "--signal=USR2", job_id(tmp_path, "p0")], check=True)
    wait(empty)
    assert [(tmp_path / f"p{n}").read_text() for n in range(2)] == ["30", "30"]
    assert [len((tmp_path / f"p{n}.stops").read_text().split()) for n in range(2)] == [1, 1]


def test_the_number_of_requeues_is_limited(lab: Lab, tmp_path: Path) -> None:
    launch(tmp_path, [Job("p", count, (str(tmp_path / "p"), 1000, 0.1))], replace(SMALL, slurm_max_num_timeout=0))
    wait((tmp_path / "p").exists)
    subprocess.run(["scancel", "--signal=USR2", job_id(tmp_path, "p")], check=True)
    wait(empty)
    assert "another launch continues from it" in log_text(tmp_path, "p")


def test_cancelling_one_run_leaves_the_others(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", hold, (str(tmp_path / f"p{n}"),)) for n in range(2)]
    jobs += [job(tmp_path, f"e{n}", f"p{n}", stage="second") for n in range(2)]
    launch(tmp_path, jobs)
    wait(lambda: {"p0", "p1"} <= created(tmp_path))
    scancel([job_id(tmp_path, "p0")])
    (tmp_path / "p1.go").touch()
    wait(empty)
    assert "e1" in created(tmp_path)
    assert "e0" not in created(tmp_path)
    wait(lambda: (sacct([job_id(tmp_path, "p0")]) or {})[job_id(tmp_path, "p0")].state == "CANCELLED")
    (tmp_path / "p0.go").touch()
    assert not launch(tmp_path, [each for each in jobs if each.name.endswith("0")]).queued
    wait(empty)
    assert "e0" in created(tmp_path)


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (replace(SMALL, slurm_partition="nosuch"), "invalid partition specified: nosuch"),
        (replace(SMALL, mem_gb=9000), "Memory specification can not be satisfied"),
        (replace(SMALL, slurm_partition="short", timeout_min=100), "time limit"),
        (replace(SMALL, gpus_per_node=9), "Requested node configuration is not available"),
        (replace(SMALL, slurm_additional_parameters={"reservation": "nosuch"}), "reservation"),
        (replace(SMALL, slurm_additional_parameters={"nosuch": True}), "unrecognized option '--nosuch'"),
    ],
    ids=["partition", "memory", "walltime", "gpus", "reservation", "option"],
)
def test_refusals_are_reported_in_the_words_of_slurm_and_once(
    lab: Lab, tmp_path: Path, resources: Resources, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs = [job(tmp_path, "p"), job(tmp_path, "e", "p", stage="second")]
    with pytest.raises(SlurmError) as caught:
        launch(tmp_path, jobs, resources)
    assert message in str(caught.value)
    assert f"it was asked for timeout_min={resources.timeout_min}, " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert empty()


def test_a_partly_refused_launch_leaves_nothing_in_the_queue(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p", hold, (str(tmp_path / "p"),), stage="first"), job(tmp_path, "e", "p", stage="second")]
    resources = {"first": SMALL, "second": replace(SMALL, slurm_partition="nosuch")}
    with pytest.raises(SlurmError, match="nosuch"):
        submit(jobs, resources, site(tmp_path), tmp_path / "slurm", tmp_path / "logs")
    wait(empty)
    assert in_queue(Ledger(tmp_path / "slurm")) == {}


def test_missing_slurm_programs_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlurmError, match="is not on PATH"):
        launch(tmp_path, [job(tmp_path, "p")])


def test_parameters_are_available_without_submitting(lab: Lab, tmp_path: Path) -> None:
    jobs = [job(tmp_path, "p"), job(tmp_path, "e", "p", stage="second")]
    resources = {"first": SMALL, "second": replace(SMALL, slurm_qos="high")}
    arrays = planned(jobs, resources, site(tmp_path), tmp_path / "s", tmp_path / "l")
    assert [array.dependency for array, _ in arrays] == ["", "aftercorr:ARRAY0"]
    assert arrays[1][1]["qos"] == "high"
    assert empty()
    shutil.rmtree(tmp_path / "snapshots")
    assert created(tmp_path) == set()


def test_names_and_paths_may_contain_characters_special_to_sbatch_and_shells(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "50%b b's,\"$HOME #z ü"
    folder.mkdir()
    launch(folder, [Job("p", hold, (str(folder / "p"),))], name="my 'b|\"x, %j ü")
    wait((folder / "p").exists)
    assert list(launch(folder, [Job("p", hold, (str(folder / "p"),))]).queued) == ["p"]
    assert Path(Ledger(folder / "slurm").entries["p"].log).is_file()
    (folder / "p.go").touch()
    wait(empty)


def test_environment_variables_of_slurm_commands_have_no_effect(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"SQUEUE_STATES": "COMPLETED", "LOGNAME": "nobody", "SBATCH_PARTITION": "nosuch", "RANK": "1"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    jobs = [Job("p", hold, (str(tmp_path / "p"),))]
    launch(tmp_path, jobs)
    wait((tmp_path / "p").exists)
    assert list(launch(tmp_path, jobs).queued) == ["p"]
    (tmp_path / "p.go").touch()
    wait(empty)


def test_jobs_missing_from_the_ledger_are_cancelled_before_another_launch(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p", hold, (str(tmp_path / "p"),))]
    launch(tmp_path, jobs)
    wait((tmp_path / "p").exists)
    first, ledger = job_id(tmp_path, "p"), tmp_path / "slurm" / "jobs.json"
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


def programs(folder: Path, **output: str) -> None:
    """Make replacements of Slurm's programs that print a text."""
    folder.mkdir()
    for name, text in output.items():
        (folder / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize("output", ["slurm is in maintenance", ""])
def test_unreadable_output_of_sbatch_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    programs(tmp_path / "bin", squeue="", scontrol="MaxArraySize = 1001", srun="", sbatch=output)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    with pytest.raises(SlurmError, match="submitted nothing"):
        launch(tmp_path, [job(tmp_path, "p")])


def test_unreadable_output_of_squeue_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs(tmp_path / "bin", squeue="slurm is in maintenance")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    with pytest.raises(SlurmError, match="gave no list of jobs"):
        squeue()


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (replace(SMALL, timeout_min=None), "first: timeout_min, the walltime in minutes, must be given"),
        (replace(SMALL, timeout_min=3), "leaves no time before slurm_signal_delay_s=180"),
        (replace(SMALL, pack=2, nodes=2), "cannot be packed"),
        (replace(SMALL, slurm_additional_parameters={"array": "0-9"}), "array cannot be set"),
    ],
    ids=["walltime", "delay", "pack", "option"],
)
def test_unusable_resources_raise_before_anything_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resources: Resources, message: str
) -> None:
    programs(tmp_path / "bin", squeue="", scontrol="MaxArraySize = 1001", srun="", sbatch="must not be called")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    with pytest.raises(SlurmError, match=message):
        launch(tmp_path, [job(tmp_path, "p")], resources)


@pytest.mark.parametrize("pattern", ["%A", "%a", "%j", "%t"])
def test_paths_with_patterns_of_submitit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    programs(tmp_path / "bin", squeue="", scontrol="MaxArraySize = 1001", srun="", sbatch="must not be called")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    with pytest.raises(SlurmError, match="choose another folder"):
        launch(tmp_path / f"50{pattern}", [job(tmp_path, "p")])


def test_a_job_fails_without_its_snapshot(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p0", hold, (str(tmp_path / "p0"),)), job(tmp_path, "e0", "p0", stage="second")]
    launch(tmp_path, jobs)
    wait((tmp_path / "p0").exists)
    shutil.rmtree(tmp_path / "snapshots")
    (tmp_path / "p0.go").touch()
    wait(empty)
    assert "e0" not in created(tmp_path)
    assert "the code of this job is gone" in log_text(tmp_path, "e0")
