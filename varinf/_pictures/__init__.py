"""Pictures by what they show: each module has functions that draw results into a matplotlib figure."""
