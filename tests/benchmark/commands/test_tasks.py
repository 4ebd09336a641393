"""`fabbench tasks`."""

from tests.benchmark.tiny import call


def test_tasks_are_listed() -> None:
    listed = call("tasks").out
    assert any(line.startswith("synthetic-pose ") for line in listed.splitlines())
    assert "mine" in call("tasks", "task.mine={set: synthetic, target: pose, summary: my own}").out
