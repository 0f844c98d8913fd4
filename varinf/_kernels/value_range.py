"""Whether all values lie in a range: the check of every parameter, in one pass and without arrays of its own.

all_inside(x, low)   True where low < x < inf for every value of x, of any shape; nan is not inside.
"""

from varinf._kernels._namespace import namespace


def all_inside(x, low):
    xp = namespace(x)
    return bool(xp.all((x > low) & (x < xp.inf)))
