"""What is alive, as columns.

Touches nothing outside. Must not know: files, devices, who wins.
"""
