"""Reference models, whose evidence is exact or bracketed: what the bounds are held against. `model` has the interface.

The classes stand here as well as in their modules, unlike elsewhere in varinf: users meet them as
``varinf.models.LinearGaussian``, and a class name in capitals shadows no module of the same name.
"""

from varinf.models.eight_schools import EightSchools
from varinf.models.linear_gaussian import LinearGaussian
from varinf.models.linear_regression import LinearRegression
from varinf.models.logistic_regression import LogisticRegression
from varinf.models.normal_normal import NormalNormal

__all__ = ["EightSchools", "LinearGaussian", "LinearRegression", "LogisticRegression", "NormalNormal"]
