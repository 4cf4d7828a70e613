"""List a folder of records: filtered, as a table, an HTML page or a spreadsheet."""
