"""A frozen dataclass as a JAX pytree, registered when JAX is first met, also in the middle of a trace."""

from dataclasses import fields
from functools import cache


@cache
def register_with_jax(cls, leaves, dropped):
    """The fields `leaves` are traced; those `dropped` take their defaults on the way out; all others are static."""
    import jax

    static = [field.name for field in fields(cls) if field.name not in (*leaves, *dropped)]

    def flatten(instance):
        return tuple(getattr(instance, name) for name in leaves), tuple(
            (name, getattr(instance, name)) for name in static
        )

    def unflatten(static_values, leaf_values):
        instance = object.__new__(cls)  # JAX rebuilds with placeholder leaves: no checks
        values = {field.name: field.default for field in fields(cls)}
        values |= dict(static_values) | dict(zip(leaves, leaf_values, strict=True))
        for name, value in values.items():
            object.__setattr__(instance, name, value)
        return instance

    jax.tree_util.register_pytree_node(cls, flatten, unflatten)
