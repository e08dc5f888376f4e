"""Commands whose output is piped into something that need not read all of it, such as ``head``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reader_may_stop() -> Iterator[None]:
    """End the work in silence when whoever reads standard output has closed it."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python writes out what is left at its end, and would complain of the same again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
