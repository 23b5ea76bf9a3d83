"""`python -m tests.month`: the simulated month, and its table."""

import sys

from tests.month.month import main

if __name__ == "__main__":
    sys.exit(main())
