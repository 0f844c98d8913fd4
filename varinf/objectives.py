"""The page's five questions, answered for every public objective, as data.

`varinf.lens` reads an entry, alone or with the numbers of a run. The words keep to letters that a cp1252 console shows.
An objective's entry, its docstring and the Estimate it returns must claim one direction; a test compares them.
"""

from varinf._answers import critics, evidence, information
from varinf._answers.objective import QUESTIONS, Answers, Objective

OBJECTIVES = {entry.name: entry for entry in (*evidence.ENTRIES, *information.ENTRIES, *critics.ENTRIES)}

__all__ = ["OBJECTIVES", "QUESTIONS", "Answers", "Objective"]
