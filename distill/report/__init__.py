"""Reports for people: the HTML page, the model card, pictures, tables in a terminal."""
