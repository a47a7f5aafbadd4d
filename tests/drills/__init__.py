"""Drills: what the tests try once, tried for minutes, with chance and with the real gocryptfs.

A drill is a module of this package with a `DRILL`. `python -m tests.drills` finds it there.
"""

import sys
from pathlib import Path

# The helpers of the tests are found by name alone.
sys.path.insert(0, str(Path(__file__).parents[1]))
