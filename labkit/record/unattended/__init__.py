"""Running the pages with nobody before them, and leaving a record however it ends."""
