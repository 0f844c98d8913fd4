"""What an entry is: the five questions, their answers, an objective."""

from collections.abc import Callable
from typing import NamedTuple

from varinf.estimate import Direction

QUESTIONS = (
    "What exact quantity is intractable?",
    "Which variational family stands in?",
    "Which direction is the bound?",
    "What does each term encourage?",
    "Is the KL only a regulariser, or also a proxy for compression?",
)


class Answers(NamedTuple):
    """To each of QUESTIONS, in order."""

    intractable: str
    family: str
    direction: str
    terms: str
    compression: str


class Objective(NamedTuple):
    """One objective under the page's lens.

    `name` is that of its function and of `Estimate.objective`. `direction` is a Direction, the pair (lower, upper) for
    two-sided results, or a function of those keyword arguments that decide it, which gives a Direction.
    """

    name: str
    title: str
    formula: str
    direction: Direction | tuple | Callable
    answers: Answers
    source: str

    def claimed(self, **arguments):
        """The Direction, or pair of them, for a call with these keyword arguments."""
        return self.direction(**arguments) if callable(self.direction) else self.direction
