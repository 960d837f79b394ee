"""Kernels on terms: reduction, matching, unification, enumeration."""
