"""`python -m benchmark` is `fabbench`."""

import sys

from benchmark.cli import main

sys.exit(main())
