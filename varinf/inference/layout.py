"""Where named parameters stand: among the numbers that a log density takes, and among free coordinates."""

import math
from typing import Any, NamedTuple

import numpy as np

from varinf.inference.transforms import transform as transform_named


class Block(NamedTuple):
    """One named parameter: its shape, and where it stands among parameters and among free coordinates."""

    name: str
    shape: tuple
    place: slice
    free: slice
    transform: Any


def blocks(dim, names, transforms):
    """The blocks of `dim` numbers in their order."""
    if names is None:
        shapes = {f"z[{i}]": () for i in range(dim)} if not transforms else {"z": (dim,)}
    elif isinstance(names, dict):
        shapes = {name: tuple(np.atleast_1d(shape).tolist()) if shape != () else () for name, shape in names.items()}
    else:
        shapes = dict.fromkeys(names, ())
        if len(shapes) != len(list(names)):
            raise ValueError(f"names={names!r}: each name once")
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    if sum(sizes.values()) != dim:
        raise ValueError(f"names hold {sum(sizes.values())} numbers in all, but dim={dim}")
    transforms = dict(transforms or {})
    if unknown := transforms.keys() - shapes.keys():
        raise ValueError(f"transforms has {sorted(unknown)}, but the names are {list(shapes)}")
    found, place, free = [], 0, 0
    for name, shape in shapes.items():
        how = transform_named(transforms[name], name) if name in transforms else None
        count = sizes[name] if how is None else how.free(sizes[name])
        if count < 1:
            raise ValueError(f"transforms[{name!r}]={transforms[name]!r} of {sizes[name]} numbers leaves nothing free")
        found.append(Block(name, shape, slice(place, place + sizes[name]), slice(free, free + count), how))
        place, free = place + sizes[name], free + count
    return tuple(found)


def numbers(name, shape):
    """Names of the numbers of a named array."""
    if shape == ():
        return [name]
    return [f"{name}[{', '.join(map(str, index))}]" for index in np.ndindex(shape)]


def coordinates(block):
    """Names of a block's free coordinates, of which a simplex has one less than parameters."""
    count = block.free.stop - block.free.start
    if count == math.prod(block.shape):
        return numbers(block.name, block.shape)
    return [f"{block.name}[{i}]" for i in range(count)]
