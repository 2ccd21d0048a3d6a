"""Views of the record: pure functions from results to HTML and SVG, whoever shows them."""
