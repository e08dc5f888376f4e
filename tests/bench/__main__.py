"""Measure the portal: ``python -m tests.bench [pages] [import] [sync]``, all of it by default.

Prints counts and ratios. Speed is given as a share of a bare view or of another run on the same
machine in the same minute, because seconds say more about the machine than about the portal.
"""

import sys

from tests.bench import imports, pages, sync

SECTIONS = {"pages": pages.measure, "import": imports.measure, "sync": sync.measure}

if __name__ == "__main__":
    wanted = sys.argv[1:] or list(SECTIONS)
    for name in wanted:
        sys.stdout.write(f"\n{name}\n")
        for label, value in SECTIONS[name]():
            sys.stdout.write(f"  {label:<68} {value}\n")
            sys.stdout.flush()
