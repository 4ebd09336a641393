"""Choice of device and precision."""

import pytest
import torch

from benchmark.errors import DataError
from benchmark.train.device import pick_device, uses_bfloat16


def test_auto_is_the_gpu_if_there_is_one() -> None:
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert pick_device("cpu").type == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_is_refused_where_there_is_none() -> None:
    with pytest.raises(DataError, match="finds no GPU"):
        pick_device("cuda")


def test_cpu_uses_bfloat16_only_on_request() -> None:
    assert not uses_bfloat16("auto", torch.device("cpu"))
    assert not uses_bfloat16("off", torch.device("cpu"))
    assert uses_bfloat16("bf16", torch.device("cpu"))
