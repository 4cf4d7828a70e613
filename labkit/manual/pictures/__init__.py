"""Pictures as SVG, drawn from values: the same in a panel, on a stored page and on paper."""
