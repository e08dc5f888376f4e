"""Measure the portal: ``python -m tests.bench [SECTION...]``, all of it by default.

The sections are ``pages``, ``sync``, ``webhooks``, ``boards``, ``import``, ``catalog``,
``distinct`` and ``corpus``. Prints counts and ratios. Speed is given as a share of a bare view or
of another run on the same machine in the same minute, because seconds say more about the machine
than about the portal; only ``webhooks``, ``boards`` and ``distinct`` give seconds, because there
they are what is promised.

``BENCH_ENTITIES`` (100,000) is the size of the big catalog: fewer, but 10,000 at least, is shorter.
``BENCH_KEEP`` names a folder that keeps the filled databases for the next run.
"""

import os
import sys
from functools import partial

from tests.bench import boards, catalog, corpus, distinct, imports, pages, sync, webhooks
from tests.bench.databases import workshop

if __name__ == "__main__":
    load, processors = os.getloadavg()[0], os.cpu_count()
    sys.stdout.write(f"{processors} processors with {load:.1f} at work before this\n")
    with workshop() as opened:
        sections = {
            "pages": pages.measure,
            "sync": sync.measure,
            "webhooks": webhooks.measure,
            "boards": boards.measure,
            "import": partial(imports.measure, opened),
            "catalog": partial(catalog.measure, opened),
            "distinct": partial(distinct.measure, opened),
            "corpus": corpus.measure,
        }
        for name in sys.argv[1:] or list(sections):
            sys.stdout.write(f"\n{name}\n")
            for label, value in sections[name]():
                sys.stdout.write(f"  {label:<58} {value}\n")
                sys.stdout.flush()
