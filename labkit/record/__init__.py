"""Records: which key is in which board, who put it there, with what, and is it still true."""
