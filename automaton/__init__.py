"""Runs self-modifying programs that live in a JSONL file."""
