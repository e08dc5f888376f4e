"""SQL that Django has no words for, in the dialects of both databases."""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, F, Func
from django.db.models.sql.compiler import SQLCompiler

_Compiled = tuple[str, tuple[Any, ...]]


class Among(Func):
    """Whether a key is one of many.

    The keys are one parameter, however many: as a list of parameters each query would be put
    together and parsed anew, and databases have limits.
    """

    arity = 1
    output_field = BooleanField()

    def __init__(self, column: str, keys: Sequence[int], *, is_first: bool = True) -> None:
        """Take the keys.

        Args:
            column: What is looked for among them.
            keys: In any order.
            is_first: Whether SQLite may begin a query with them.
        """
        super().__init__(F(column))
        self.keys = keys
        self.is_first = is_first

    def as_sql(self, compiler: SQLCompiler, *_: Any, **_context: Any) -> _Compiled:
        """As PostgreSQL says it; small numbers beside a key it would compare one by one."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"{column} = ANY(%s::bigint[])", (*params, list(self.keys))

    def as_sqlite(self, compiler: SQLCompiler, *_: Any, **_context: Any) -> _Compiled:
        """As SQLite says it; after a plus sign it does not look each key up."""
        column, params = compiler.compile(self.source_expressions[0])
        plus = "" if self.is_first else "+"
        return (
            f"{plus}{column} IN (SELECT value FROM json_each(%s))",  # noqa: S608 -- a column of ours
            (*params, json.dumps(list(self.keys))),
        )


class Unordered(Func):
    """A column that SQLite does not read in the order of an index of its own.

    Grouping by a column it would: and look up every row to see whether it passes the filters, when
    a wider index has all of it.
    """

    arity = 1

    def as_sql(self, compiler: SQLCompiler, *_: Any, **_context: Any) -> _Compiled:
        """The column itself."""
        column, params = compiler.compile(self.source_expressions[0])
        return column, tuple(params)

    def as_sqlite(self, compiler: SQLCompiler, *_: Any, **_context: Any) -> _Compiled:
        """The column with a plus sign, which changes nothing but the plan."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"+{column}", tuple(params)
