"""What a line says: objects, records, ids, options, the machine's state.

Touches nothing outside. Must not know: terms' meanings, files, who runs.
"""
