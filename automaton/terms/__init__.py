"""What a lambda term is and means: packed words, notation, encodings, unification.

Touches nothing outside. Must not know: objects, populations, files.
"""
