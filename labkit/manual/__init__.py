"""The manual in JupyterLab: copies of the pages for the reader, and the server that shows them."""

from labkit.manual.copies import FIRST_PAGE, copy_pages
from labkit.manual.serving import serve
from labkit.manual.starting_over import begin_anew

__all__ = ["FIRST_PAGE", "begin_anew", "copy_pages", "serve"]
