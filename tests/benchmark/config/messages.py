"""Messages about settings that cannot be loaded."""

import pytest

from benchmark.config.load import load
from benchmark.errors import UsageError


def refusal(*settings: str) -> str:
    """The one line that these settings are refused with."""
    with pytest.raises(UsageError) as caught:
        load(settings)
    message = str(caught.value)
    assert "\n" not in message
    return message
