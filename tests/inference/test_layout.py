"""Names and shapes: where parameters stand, and what does not fit."""

import pytest

from varinf.inference.layout import blocks, coordinates


def test_arrays_and_numbers_in_their_order():
    found = blocks(7, {"mu": (), "w": (2, 2), "p": 2}, {"mu": "positive"})
    assert [(b.name, b.place, b.free) for b in found] == [
        ("mu", slice(0, 1), slice(0, 1)),
        ("w", slice(1, 5), slice(1, 5)),
        ("p", slice(5, 7), slice(5, 7)),
    ]
    assert coordinates(found[1]) == ["w[0, 0]", "w[0, 1]", "w[1, 0]", "w[1, 1]"]
    assert coordinates(found[2]) == ["p[0]", "p[1]"]


def test_a_simplex_has_one_coordinate_less():
    weights, scale = blocks(4, {"weights": (3,), "scale": ()}, {"weights": "simplex", "scale": "positive"})
    assert (weights.free, scale.place, scale.free) == (slice(0, 2), slice(3, 4), slice(2, 3))
    assert coordinates(weights) == ["weights[0]", "weights[1]"]


@pytest.mark.parametrize(
    ("dim", "names", "transforms", "words"),
    [
        (3, ["a", "b"], None, "names hold 2 numbers in all, but dim=3"),
        (2, ["a", "a"], None, "each name once"),
        (1, ["a"], {"b": "positive"}, r"transforms has \['b'\], but the names are \['a'\]"),
        (1, ["a"], {"a": "simplex"}, "leaves nothing free"),
    ],
)
def test_what_does_not_fit(dim, names, transforms, words):
    with pytest.raises(ValueError, match=words):
        blocks(dim, names, transforms)
