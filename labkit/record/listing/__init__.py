"""What a folder of records holds: filtered, as a table, a page, a spreadsheet."""
