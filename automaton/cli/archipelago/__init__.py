"""The commands of `islands`, one file for what belongs together."""
