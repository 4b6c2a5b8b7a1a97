"""Tables for consoles, Markdown, CSV and LaTeX."""
