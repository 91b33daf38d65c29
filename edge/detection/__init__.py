"""How readings become verdicts: window, scorer, signals, levels, events of one arithmetic with training."""
