"""Many seeded experiments on a frozen population.

Touches threads, processes and the clock. Must not know: the terminal.
"""
