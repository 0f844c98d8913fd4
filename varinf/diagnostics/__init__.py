"""Whether importance weights can be trusted: Pareto smoothing, tail index, effective sample size, caveats."""
