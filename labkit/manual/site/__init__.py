"""The manual without a kernel: all pages as one folder of HTML that needs no network.

Pages come as they are stored, with their outputs; nothing is run. Panels are shown by the HTML
that is stored beside each of them. Sphinx, with MyST-NB and Furo, makes the folder.
"""

from labkit.manual.site.building import build

__all__ = ["build"]
