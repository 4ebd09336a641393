"""`python -m tests.slurm_lab up|down|kill|revive FOLDER [NODE]`."""

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from tests.slurm_lab.cluster import Lab
from tests.slurm_lab.shape import LabError, Shape


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser("python -m tests.slurm_lab", description="A real Slurm cluster on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a cluster that keeps all its files in FOLDER")
    up.add_argument("folder", type=Path)
    for field in fields(Shape):
        switch = field.type is bool
        up.add_argument(
            f"--{field.name.replace('_', '-')}",
            default=field.default,
            **({"action": argparse.BooleanOptionalAction} if switch else {"type": int}),
        )
    commands.add_parser("down", help="stop it and remove the folder").add_argument("folder", type=Path)
    for name, text in (("kill", "kill a node and all its processes"), ("revive", "start a killed node")):
        command = commands.add_parser(name, help=text)
        command.add_argument("folder", type=Path)
        command.add_argument("node")
    arguments = vars(parser.parse_args())
    command, folder = arguments.pop("command"), arguments.pop("folder")
    try:
        if command == "up":
            lab = Lab(folder, Shape(**arguments))
            lab.up()
            print(f"export SLURM_CONF={lab.conf}")
        elif command == "down":
            Lab(folder).down()
        elif command == "kill":
            Lab(folder).kill_node(arguments["node"])
        else:
            Lab(folder).start_node(arguments["node"])
    except LabError as error:
        print(f"tests.slurm_lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
