"""The loops for CUDA, and the calls that launch them."""
