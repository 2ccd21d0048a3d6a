"""Views of the record: pure functions from a run to HTML, SVG and text, whoever shows them."""
