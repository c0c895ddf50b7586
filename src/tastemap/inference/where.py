"""The grammar of ``--where``: which catalog items may be recommended.

::

    expression = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term       = "not" term | "(" expression ")" | comparison
    comparison = column operator value | column "in" "(" value { "," value } ")"
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"
    value      = number | word | "text in quotes" | 'text in quotes'

``~`` means contains. Text is compared without regard to case. A column of lists (``genres``) is equal to a
value when the list holds it, and may be named in the singular (``genre = Horror``). An item whose value is
missing satisfies no comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tastemap.errors import FilterError, did_you_mean
from tastemap.inference.near import did_you_mean_among
from tastemap.linalg.types import BoolArray
from tastemap.plurals import plural

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<operator><=|>=|!=|=|<|>|~)|(?P<mark>[(),])|(?P<word>[^\s()<>=!~,"']+))"""
)
_KEYWORDS = {"and", "or", "not", "in"}
DEEPEST = 50
"""Nested parentheses allowed: enough for people, too few to exhaust the stack."""
MOST_TEXTS = 50
"""Texts that one filter may compare: each looks through its whole column. Numbers cost next to nothing."""
MOST_HINTS = 3
"""Texts that no item has for which near ones are looked up."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int


@dataclass(frozen=True)
class _Equality:
    """A text that a column is compared with by ``=``, ``!=`` or ``in``; column `name` has the answer."""

    name: str
    column: str
    text: str
    condition: pl.Expr


def matching(
    frame: pl.DataFrame, expression: str, texts: Callable[[str], pl.Series] | None = None
) -> tuple[BoolArray, list[str]]:
    """Which rows of a catalog satisfy `expression`, shape (n,), bool; and notes on texts that no row has.

    Near texts are named for the first :data:`MOST_HINTS` of them; the others are counted.

    Parameters
    ----------
    frame : DataFrame of n rows
    expression : str
    texts : function of a column's name, or None
        What :func:`texts_of` gives, where somebody keeps it.

    Raises
    ------
    FilterError
        If the expression does not parse, names an unknown column, compares a number column with text, or
        compares more than :data:`MOST_TEXTS` texts; the message points at the place.
    """
    parser = _Parser(expression, frame)
    condition = parser.parse()
    compared = frame.with_columns(asked.condition.alias(asked.name) for asked in parser.equalities)
    mask = compared.select(condition.fill_null(False).alias("mask"))["mask"]
    unknown = list(
        dict.fromkeys(
            (asked.column, asked.text) for asked in parser.equalities if not compared[asked.name].any()
        )
    )
    find = texts if texts is not None else lambda column: texts_of(frame, column)
    notes = [_not_found(column, text, find(column)) for column, text in unknown[:MOST_HINTS]]
    if len(unknown) > MOST_HINTS:
        notes.append(f"No item has {plural(len(unknown) - MOST_HINTS, 'other text')} of the filter either.")
    return mask.to_numpy(), notes


def texts_of(frame: pl.DataFrame, column: str) -> pl.Series:
    """The different texts of a column, or of its lists, sorted; costs a sort of them."""
    values = frame[column]
    each = values.explode() if isinstance(values.dtype, pl.List) else values
    return each.cast(pl.String).drop_nulls().unique().sort()


class _Parser:
    """Recursive descent over the tokens; every rule returns a Polars condition."""

    def __init__(self, expression: str, frame: pl.DataFrame) -> None:
        self.expression = expression
        self.schema = frame.schema
        self.tokens = self._tokenize()
        self.position = 0
        self.depth = 0
        self.n_texts = 0
        self.equalities: list[_Equality] = []

    def parse(self) -> pl.Expr:
        condition = self._any_of()
        token = self._peek()
        if token.kind != "end":
            raise self._error(token, "expected `and`, `or` or the end")
        return condition

    def _tokenize(self) -> list[_Token]:
        tokens, place = [], 0
        while place < len(self.expression.rstrip()):
            found = _TOKEN.match(self.expression, place)
            if found is None:
                start = place + len(self.expression[place:]) - len(self.expression[place:].lstrip())
                raise self._error(
                    _Token("?", self.expression[start], start), "cannot read this; is a quote left open?"
                )
            kind = found.lastgroup or ""
            text = found.group(kind)
            if kind == "word" and text.lower() in _KEYWORDS:
                kind, text = "keyword", text.lower()
            tokens.append(_Token(kind, text, found.start(found.lastgroup or 0)))
            place = found.end()
        return [*tokens, _Token("end", "", len(self.expression))]

    def _peek(self) -> _Token:
        return self.tokens[self.position]

    def _next(self) -> _Token:
        token = self.tokens[self.position]
        self.position += token.kind != "end"
        return token

    def _accept(self, kind: str, text: str) -> bool:
        token = self._peek()
        if (token.kind, token.text) == (kind, text):
            self.position += 1
            return True
        return False

    def _any_of(self) -> pl.Expr:
        terms = [self._all_of()]
        while self._accept("keyword", "or"):
            terms.append(self._all_of())
        return _any_of(terms)

    def _all_of(self) -> pl.Expr:
        terms = [self._term()]
        while self._accept("keyword", "and"):
            terms.append(self._term())
        return pl.all_horizontal(terms) if len(terms) > 1 else terms[0]

    def _term(self) -> pl.Expr:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(self._peek(), f"nested deeper than {DEEPEST} levels")
        if self._accept("keyword", "not"):
            condition = ~self._term()
        elif self._accept("mark", "("):
            condition = self._any_of()
            if not self._accept("mark", ")"):
                raise self._error(self._peek(), "expected `)`")
        else:
            condition = self._comparison()
        self.depth -= 1
        return condition

    def _comparison(self) -> pl.Expr:
        token = self._next()
        if token.kind not in {"word", "text"}:
            raise self._error(token, f"expected a column: {', '.join(self._columns())}")
        column = self._column(token)
        if self._accept("keyword", "in"):
            return self._membership(column)
        operator = self._next()
        if operator.kind != "operator":
            raise self._error(operator, "expected one of = != < <= > >= ~ in")
        return self._compare(column, operator, self._value())

    def _membership(self, column: str) -> pl.Expr:
        if not self._accept("mark", "("):
            raise self._error(self._peek(), "expected `(` and a list of values")
        equal = _Token("operator", "=", self._peek().place)
        choices = [self._compare(column, equal, self._value())]
        while self._accept("mark", ","):
            choices.append(self._compare(column, equal, self._value()))
        if not self._accept("mark", ")"):
            raise self._error(self._peek(), "expected `,` or `)`")
        return _any_of(choices)

    def _value(self) -> _Token:
        token = self._next()
        if token.kind not in {"word", "text"}:
            raise self._error(token, "expected a value; put quotes around one with blanks or signs")
        return token

    def _columns(self) -> list[str]:
        return list(self.schema.names())

    def _column(self, token: _Token) -> str:
        name = _unquoted(token)
        for candidate in (name, f"{name}s"):
            if candidate in self.schema:
                return candidate
        hint = did_you_mean(name, self._columns()) or f" Known: {', '.join(self._columns())}."
        if self._columns() == ["item_id"]:
            hint = f" This model knows ids alone; fit it with --item-features FILE (columns item_id, {name} …)."
        raise self._error(token, f"there is no catalog column {name!r}.{hint}")

    def _compare(self, column: str, operator: _Token, value: _Token) -> pl.Expr:
        dtype = self.schema[column]
        if dtype.is_numeric():
            return self._compare_number(column, operator, value)
        self.n_texts += 1
        if self.n_texts > MOST_TEXTS:
            raise self._error(value, f"a filter may compare at most {MOST_TEXTS} texts; take some out")
        compare = self._compare_list if isinstance(dtype, pl.List) else self._compare_text
        text = _unquoted(value)
        if operator.text in {"=", "!="}:
            name = f"={len(self.equalities)}"
            equal = compare(column, _Token("operator", "=", operator.place), text.lower())
            self.equalities.append(_Equality(name, column, text, equal))
            return pl.col(name) if operator.text == "=" else ~pl.col(name)
        return compare(column, operator, text.lower())

    def _compare_number(self, column: str, operator: _Token, value: _Token) -> pl.Expr:
        if operator.text == "~":
            raise self._error(operator, f"{column} holds numbers; `~` is for text")
        try:
            number = float(_unquoted(value))
        except ValueError:
            raise self._error(value, f"{column} holds numbers; expected a number") from None
        return _apply(pl.col(column), operator.text, pl.lit(number))

    def _compare_text(self, column: str, operator: _Token, text: str) -> pl.Expr:
        field = pl.col(column).cast(pl.String).str.to_lowercase()
        if operator.text == "~":
            return field.str.contains(text, literal=True)
        return _apply(field, operator.text, pl.lit(text))

    def _compare_list(self, column: str, operator: _Token, text: str) -> pl.Expr:
        element = pl.element().cast(pl.String).str.to_lowercase()
        if operator.text == "~":
            return pl.col(column).list.eval(element.str.contains(text, literal=True)).list.any()
        if operator.text != "=":
            raise self._error(operator, f"{column} holds lists; use =, !=, ~ or in")
        return pl.col(column).list.eval(element).list.contains(text)

    def _error(self, token: _Token, what: str) -> FilterError:
        found = f"`{token.text}`" if token.text else "the end"
        pointer = f"\n  {self.expression}\n  {' ' * token.place}^"
        return FilterError(
            f"Cannot read the filter at {found} (character {token.place + 1}): {what}{pointer}",
            expression=self.expression,
            position=token.place,
        )


def _not_found(column: str, text: str, known: pl.Series) -> str:
    return f"No item has {text!r} in {column}.{did_you_mean_among(text, known)}"


def _any_of(conditions: list[pl.Expr]) -> pl.Expr:
    """One flat expression: a tree of a thousand nested ones would take Polars minutes to plan."""
    return pl.any_horizontal(conditions) if len(conditions) > 1 else conditions[0]


def _apply(field: pl.Expr, operator: str, value: pl.Expr) -> pl.Expr:
    compare = {"=": field.eq, "!=": field.ne, "<": field.lt, "<=": field.le, ">": field.gt, ">=": field.ge}
    return compare[operator](value)


def _unquoted(token: _Token) -> str:
    return token.text[1:-1] if token.kind == "text" else token.text
