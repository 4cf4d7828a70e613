"""What a folder of records holds: an index of it, a table, a page, a spreadsheet."""
