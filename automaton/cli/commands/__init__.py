"""The commands, one file each.

Must not know: each other's options.
"""
