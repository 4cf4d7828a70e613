"""Panels: optional fronts to calls that stand on the pages already.

Each is a plain class that does the work, with a thin view of ipywidgets. Nothing is only in a
widget: without a front end a panel's text says the same, and its calls do the same.
"""
