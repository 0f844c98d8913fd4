"""varinf: variational objectives and information bounds as estimates that know their direction."""
