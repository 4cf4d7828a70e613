"""The manual as a folder of HTML that needs no kernel and no network.

The pages have their stored outputs; nothing is run. Panels are shown by their stored HTML. Sphinx
builds the folder, with MyST-NB and Furo.
"""

from labkit.manual.site.building import build

__all__ = ["build"]
