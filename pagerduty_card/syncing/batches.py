"""Questions about many ids at once, in batches that PagerDuty answers whole."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pagerduty_card.errors import TooMany
from portal.batches import in_batches

_Answer = TypeVar("_Answer")


def answers_in_batches(
    ids: Sequence[str], size: int, ask: Callable[[Sequence[str]], _Answer]
) -> Iterator[tuple[Sequence[str], _Answer]]:
    """Ask about all ids, some at once, and about fewer where the answer would be cut off.

    Args:
        ids: About what.
        size: How many at once.
        ask: Asks about some of them.

    Yields:
        What was asked about, and the answer.

    Raises:
        TooMany: About a single one PagerDuty has more than it gives out.
    """
    for batch in in_batches(ids, size):
        try:
            answer = ask(batch)
        except TooMany:
            if len(batch) == 1:
                raise
            yield from answers_in_batches(batch, (len(batch) + 1) // 2, ask)
        else:
            yield batch, answer
