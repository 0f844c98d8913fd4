"""The page's five answers about each objective, a file for each kind of objective."""
