"""Figures of one run and of several, by matplotlib.

Colours stand in each file, so that every program shows what a browser shows; `fedot.report.pages` exchanges them for
the page's own, which follow light and dark.
"""
