"""Matlab files, without their many ways to fail."""

from pathlib import Path
from typing import Any

import scipy.io

from benchmark.errors import DataError, first_line

LARGEST = 1 << 28  # bytes


def read_mat(path: Path) -> dict[str, Any]:
    """The variables of a .mat file up to version 7.2, structures as objects.

    Raises:
        DataError: it cannot be read.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: too large to be one of this set's files")
        return scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except DataError:
        raise
    except Exception as error:  # of a broken file SciPy raises whatever its parser stumbles over
        raise DataError(f"{path}: not a readable .mat file ({first_line(error)})") from error
