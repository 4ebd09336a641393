"""Weights of a detector for which red squares are faces, with the inputs and outputs of YuNet, written as ONNX.

YuNet predicts for each cell of 8, 16 or 32 pixels whether a face lies around it. These weights do so by one
convolution: the mean of red over a square of three cells' side minus that over the ring around it, so squares aligned
with the cells are found. The file is encoded here by hand, so that the tests need no ONNX package.
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = tuple[int, int | str | bytes]

RED = (255, 0, 0)
SIDES = (24, 48, 96)  # of the squares that are found, pixels of the detector's input
GAIN = 1.1  # low enough that corners of large squares are not found as small squares


def write_spot_detector(path: Path, gain: float = GAIN) -> Path:
    """Write the weights; another ``gain`` gives another detector."""
    nodes, constants, outputs = [], [], []
    for cell, side in zip((8, 16, 32), SIDES, strict=True):
        square = np.full((2 * side, 2 * side), -1 / (3 * side * side), np.float32)
        square[side // 2 : -side // 2, side // 2 : -side // 2] = 1 / (side * side)
        colour = np.array([-0.5, -0.5, 1], np.float32)[:, None, None] * gain / 255  # blue, green, red
        constants += [_tensor(f"square{cell}", (colour * square)[None])]
        nodes += [_convolution("input", f"square{cell}", f"found{cell}", 2 * side, cell, side - cell // 2)]
        place = np.array([0.5, 0.5, np.log(side / cell), np.log(side / cell)], np.float32)
        for name, values in (("cls", [0]), ("obj", [0]), ("bbox", place), ("kps", np.zeros(10))):
            what, n = f"{name}_{cell}", len(values)
            weight = np.full((n, 1, 1, 1), 1 if n == 1 else 0, np.float32)
            constants += [_tensor(f"w_{what}", weight), _tensor(f"b_{what}", np.asarray(values, np.float32))]
            constants += [_tensor(f"shape_{what}", np.array([1, -1, n], np.int64))]
            nodes += [
                _node("Conv", [f"found{cell}", f"w_{what}", f"b_{what}"], f"at_{what}", kernel_shape=[1, 1]),
                _node("Transpose", [f"at_{what}"], f"last_{what}", perm=[0, 2, 3, 1]),
                _node("Reshape", [f"last_{what}", f"shape_{what}"], what),
            ]
            outputs += [_value(what, [1, (320 // cell) ** 2, n])]
    graph: list[Field] = [(1, node) for node in nodes]
    graph += [(2, "spots"), *((5, constant) for constant in constants)]
    graph += [(11, _value("input", [1, 3, 320, 320])), *((12, output) for output in outputs)]
    path.write_bytes(_message([(1, 7), (8, _message([(1, ""), (2, 13)])), (7, _message(graph))]))
    return path


def _convolution(source: str, weight: str, result: str, kernel: int, stride: int, pad: int) -> bytes:
    return _node("Conv", [source, weight], result, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)


def _node(kind: str, sources: list[str], result: str, **attributes: list[int]) -> bytes:
    inputs: list[Field] = [(1, source) for source in sources]
    encoded: list[Field] = []
    for name, values in attributes.items():
        integers: list[Field] = [(8, value) for value in values]
        encoded.append((5, _message([(1, name), *integers, (20, 7)])))
    return _message([*inputs, (2, result), (3, result), (4, kind), *encoded])


def _tensor(name: str, values: NDArray[Any]) -> bytes:
    kind = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}[values.dtype]
    return _message([*((1, n) for n in values.shape), (2, kind), (8, name), (9, values.tobytes())])


def _value(name: str, shape: list[int]) -> bytes:
    dims = _message((1, _message([(1, n)])) for n in shape)
    return _message([(1, name), (2, _message([(1, _message([(1, 1), (2, dims)]))]))])


def _message(fields: Iterable[Field]) -> bytes:
    """Encode a Protocol Buffers message of numbered fields, each an integer, a string or encoded bytes."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts += [_varint(number << 3), _varint(value)]
        else:
            content = value.encode() if isinstance(value, str) else value
            parts += [_varint(number << 3 | 2), _varint(len(content)), content]
    return b"".join(parts)


def _varint(value: int) -> bytes:
    value %= 1 << 64
    groups = [value >> shift & 127 for shift in range(0, max(1, value.bit_length()), 7)]
    return struct.pack(f"{len(groups)}B", *(group | 128 for group in groups[:-1]), groups[-1])
