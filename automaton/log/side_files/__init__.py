"""The files beside a log: what each holds, and when it counts.

Pins, hints and torn tails, checkpoints, notes of who verified how far, the inbox, the
archive and the decisions. Touches the disk. Must not know: what lines mean to a run.
"""

__all__ = ["archive", "checkpoint", "decision_log", "inbox", "provenance", "sidecars", "watermarks"]
