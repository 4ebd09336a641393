"""Members of arrays on a real Slurm: notices, several processes and nodes, packs, and interrupted launches."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from slurm.commands import JobInfo, sacct, squeue
from slurm.graph import Job
from slurm.submission import submit
from tests.slurm.calls import (
    ROOT,
    SMALL,
    count,
    count_beside_helpers,
    count_together,
    die,
    empty,
    fail_on_rank_1,
    hold,
    launch,
    site,
    wait,
    write,
)
from tests.slurm.test_submission import created, job, job_id, log_text
from tests.slurm_lab.cluster import Lab


def send_notice(number: str) -> None:
    subprocess.run(["scancel", "--signal=USR2", number], check=True)


def ended(number: str) -> JobInfo:
    """Accounting record of a job, once it has one of its end."""
    wait(lambda: (sacct([number]) or {}).get(number, JobInfo("")).state not in ("", "PENDING", "RUNNING"), 60)
    return (sacct([number]) or {})[number]


def steps(path: Path) -> int:
    return int(path.read_text()) if path.is_file() else 0


def has_passed(path: Path, step: int) -> bool:
    return steps(path) > step


def has_lines(path: Path, number: int) -> bool:
    return path.is_file() and len(path.read_text().split()) == number


def test_processes_on_two_nodes_stop_at_the_same_step_and_are_requeued_once(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p", count_together, (str(tmp_path / "p"), 40, 0.15)), job(tmp_path, "e", "p", stage="second")]
    resources = {"second": SMALL, "job": replace(SMALL, gpus_per_node=1, tasks_per_node=2, nodes=2)}
    submit(jobs, resources, site(tmp_path), tmp_path / "slurm", tmp_path / "logs")
    wait((tmp_path / "p").exists)
    send_notice(job_id(tmp_path, "p"))
    wait(empty)
    assert (tmp_path / "p").read_text() == "40"
    stops = {(tmp_path / f"p.stops-{rank}").read_text() for rank in range(4)}
    assert len(stops) == 1
    assert len(stops.pop().split()) == 1
    assert log_text(tmp_path, "p").count("Requeued job") == 1
    variables = [dict(line.split("=") for line in (tmp_path / f"p.env-{n}").read_text().split()) for n in range(4)]
    assert len({each["SLURMD_NODENAME"] for each in variables}) == 2
    assert len({(each["MASTER_ADDR"], each["MASTER_PORT"]) for each in variables}) == 1
    assert all(each["CUDA_VISIBLE_DEVICES"] in ("0", "1") for each in variables)
    assert (tmp_path / "e").exists()


def test_a_notice_received_by_one_process_alone_stops_all(lab: Lab, tmp_path: Path) -> None:
    resources = replace(SMALL, tasks_per_node=2, slurm_setup=["export ALONE=1"])
    launch(tmp_path, [Job("p", count_together, (str(tmp_path / "p"), 20, 0.2))], resources)
    wait(empty)
    assert (tmp_path / "p").read_text() == "20"
    assert (tmp_path / "p.stops-0").read_text().split() == ["5"]
    assert ended(job_id(tmp_path, "p")).state == "COMPLETED"


def test_processes_continue_after_the_death_of_one_of_their_nodes(lab: Lab, tmp_path: Path) -> None:
    resources = replace(SMALL, nodes=2, cpus_per_task=4)
    launch(tmp_path, [Job("p", count_together, (str(tmp_path / "p"), 40, 0.2))], resources)
    wait(lambda: steps(tmp_path / "p") > 2)
    variables = dict(line.split("=") for line in (tmp_path / "p.env-1").read_text().split())
    node = variables["SLURMD_NODENAME"]
    lab.kill_node(node)
    subprocess.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"], check=True)
    lab.start_node(node)
    wait(empty)
    assert (tmp_path / "p").read_text() == "40"


def test_the_failure_of_one_process_ends_the_job_as_failed(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p", fail_on_rank_1, (str(tmp_path / "p"),)), job(tmp_path, "e", "p", stage="second")]
    resources = {"second": SMALL, "job": replace(SMALL, tasks_per_node=2)}
    submit(jobs, resources, site(tmp_path), tmp_path / "slurm", tmp_path / "logs")
    wait(empty, 90)
    assert ended(job_id(tmp_path, "p")).state == "FAILED"
    assert "ValueError: no luck on rank 1" in log_text(tmp_path, "p")
    assert "e" not in created(tmp_path)


def test_forked_helpers_do_not_requeue(lab: Lab, tmp_path: Path) -> None:
    launch(tmp_path, [Job("p", count_beside_helpers, (str(tmp_path / "p"), 30, 0.2))])
    wait(lambda: steps(tmp_path / "p") > 2)
    send_notice(job_id(tmp_path, "p"))
    wait(empty)
    assert (tmp_path / "p").read_text() == "30"
    assert len((tmp_path / "p.stops").read_text().split()) == 1
    assert log_text(tmp_path, "p").count("Requeued job") == 1


def test_more_notices_than_submitit_allows_timeouts_by_default(lab: Lab, tmp_path: Path) -> None:
    """Submitit counts every notice in the last 20 % or 10 minutes of the walltime as a timeout, here all of them."""
    launch(tmp_path, [Job("p", count, (str(tmp_path / "p"), 60, 0.1))])
    stops = tmp_path / "p.stops"
    for notices in range(1, 5):
        wait(partial(has_passed, tmp_path / "p", steps(tmp_path / "p") + 2))
        send_notice(job_id(tmp_path, "p"))
        wait(partial(has_lines, stops, notices))
    wait(empty)
    assert (tmp_path / "p").read_text() == "60"


def test_a_notice_before_python_listens_does_not_end_the_job(lab: Lab, tmp_path: Path) -> None:
    slow_python = f"bash -c 'sleep 3; exec \"$@\"' bash {sys.executable}"
    launch(tmp_path, [Job("p", count, (str(tmp_path / "p"), 5, 0.1))], python=slow_python)
    wait(lambda: squeue()[job_id(tmp_path, "p")].state == "RUNNING")
    time.sleep(1.5)
    send_notice(job_id(tmp_path, "p"))
    wait(empty)
    assert (tmp_path / "p").read_text() == "5"


def test_unfinished_files_of_a_killed_process_do_not_stop_the_next(lab: Lab, tmp_path: Path) -> None:
    launch(tmp_path, [Job("p", hold, (str(tmp_path / "p"),))])
    wait((tmp_path / "p").exists)
    number = job_id(tmp_path, "p")
    subprocess.run(["scontrol", "requeuehold", number], check=True)
    wait(lambda: squeue()[number].state == "PENDING")
    (folder,) = [path for path in (tmp_path / "slurm").iterdir() if path.is_dir()]
    for name in ("0_result.pkl.save_tmp", "submitted.pkl.save_tmp"):
        (folder / f"{number}_{name}").touch()
    (tmp_path / "p.go").touch()
    subprocess.run(["scontrol", "release", number], check=True)
    wait(empty)
    assert ended(number).state == "COMPLETED"


def test_a_killed_job_of_a_pack_fails_the_pack_once_the_others_have_ended(lab: Lab, tmp_path: Path) -> None:
    jobs = [Job("p0", die, (str(tmp_path / "p0"),)), Job("p1", count, (str(tmp_path / "p1"), 20, 0.2))]
    jobs += [job(tmp_path, f"e{n}", f"p{n}", stage="second") for n in range(2)]
    resources = {"second": SMALL, "job": replace(SMALL, pack=2)}
    submit(jobs, resources, site(tmp_path), tmp_path / "slurm", tmp_path / "logs")
    wait(empty)
    assert (tmp_path / "p1").read_text() == "20"
    assert "e1" not in created(tmp_path)
    assert ended(job_id(tmp_path, "p0")).state == "FAILED"


def test_a_launch_killed_after_sbatch_leaves_a_job_that_the_next_launch_replaces(lab: Lab, tmp_path: Path) -> None:
    """Killed before submitit has written the job's pickle and the ledger its entry."""
    code = f"""
import os
from submitit.core.utils import JobPaths
move = JobPaths.move_temporary_file
def killed(self, tmp, name, keep_as_symlink=False):
    if name == "submitted_pickle":
        os._exit(9)
    move(self, tmp, name, keep_as_symlink)
JobPaths.move_temporary_file = killed
from pathlib import Path
from slurm.graph import Job
from tests.slurm.calls import hold, launch
launch(Path({str(tmp_path)!r}), [Job("p", hold, ({str(tmp_path / "p")!r},))])
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 9
    (left,) = squeue()
    launch(tmp_path, [Job("p", hold, (str(tmp_path / "p"),))])
    wait((tmp_path / "p").exists)
    wait(lambda: left not in squeue())
    assert len(squeue()) == 1
    (tmp_path / "p.go").touch()
    wait(empty)


def test_a_partial_relaunch_keeps_the_indices_of_running_jobs(lab: Lab, tmp_path: Path) -> None:
    pretrain = [Job(f"p{n}", hold, (str(tmp_path / f"p{n}"),), stage="pretrain") for n in range(6)]
    embed = [job(tmp_path, f"e{n}", f"p{n}", stage="embed") for n in range(6)]
    probe = [job(tmp_path, f"q{n}", f"e{n}", stage="probe") for n in range(6)]
    jobs = [*pretrain, *embed, *probe]
    jobs.append(job(tmp_path, "tables", *(each.name for each in jobs), stage="tables", afterany=True))
    launch(tmp_path, jobs)
    wait(lambda: {f"p{n}" for n in range(6)} <= created(tmp_path))
    subprocess.run(["scancel", job_id(tmp_path, "e2"), job_id(tmp_path, "e5")], check=True)  # their probes go too
    gone = [job_id(tmp_path, name) for name in ("e2", "e5", "q2", "q5")]
    wait(lambda: not squeue().keys() & set(gone))
    before = squeue().keys()
    again = launch(tmp_path, jobs)
    assert [(array.stage, sorted(array.members)) for array in again.arrays] == [
        ("embed", [2, 5]),
        ("probe", [2, 5]),
        ("tables", [0]),
    ]
    embed_id, probe_id, tables_id = (array.job_id for array in again.arrays)
    new = {f"{embed_id}_2", f"{embed_id}_5", f"{probe_id}_2", f"{probe_id}_5", f"{tables_id}_0"}
    wait(lambda: squeue().keys() - before == new)
    (tmp_path / "p5.go").touch()
    wait((tmp_path / "q5").exists)
    assert "e2" not in created(tmp_path)
    for n in range(6):
        (tmp_path / f"p{n}.go").touch()
    wait(empty)
    assert {f"q{n}" for n in range(6)} | {"tables"} <= created(tmp_path)


@pytest.mark.slow
def test_500_runs_are_submitted_in_seconds(lab: Lab, tmp_path: Path) -> None:
    held = replace(SMALL, slurm_additional_parameters={"hold": True})
    jobs = [Job(f"pretrain{n}", write, (str(tmp_path / f"p{n}"),), (), "pretrain") for n in range(500)]
    jobs += [Job(f"embed{n}", write, (str(tmp_path / f"e{n}"),), (f"pretrain{n}",), "embed") for n in range(500)]
    jobs += [Job(f"probe{n}", write, (str(tmp_path / f"q{n}"),), (f"embed{n}",), "probe") for n in range(500)]
    jobs.append(job(tmp_path, "tables", *(each.name for each in jobs), stage="tables", afterany=True))
    start = time.monotonic()
    launch(tmp_path, jobs, held)
    assert time.monotonic() - start < 10
    start = time.monotonic()
    assert len(launch(tmp_path, jobs, held).queued) == 1501
    assert time.monotonic() - start < 5
    subprocess.run(["scancel", "-u", str(os.getuid())], check=True)
    wait(empty)
