"""Free ports of this machine."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass


@dataclass(frozen=True)
class Ports:
    """Where each daemon listens, on 127.0.0.1 alone."""

    controller: int
    accounting: int
    database: int
    nodes: tuple[int, ...]

    @classmethod
    def free(cls, nodes: int) -> "Ports":
        """Ports that nobody listens on now."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(nodes + 3)]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            numbers = [each.getsockname()[1] for each in sockets]
        return cls(numbers[0], numbers[1], numbers[2], tuple(numbers[3:]))


def listening(port: int) -> bool:
    """Whether something answers on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
