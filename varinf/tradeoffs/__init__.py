"""Trade-offs: how much has to be said of a source for what is wanted of it, in closed form or by alternation."""
