"""Free TCP ports."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass


@dataclass(frozen=True)
class Ports:
    """Port of each daemon on 127.0.0.1."""

    controller: int
    accounting: int
    database: int
    nodes: tuple[int, ...]

    @classmethod
    def free(cls, nodes: int) -> "Ports":
        """Choose unused ports for a cluster of ``nodes`` nodes."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(nodes + 3)]
            for unbound in sockets:
                unbound.bind(("127.0.0.1", 0))
            numbers = [bound.getsockname()[1] for bound in sockets]
        return cls(numbers[0], numbers[1], numbers[2], tuple(numbers[3:]))


def listening(port: int) -> bool:
    """Whether a port accepts connections."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
