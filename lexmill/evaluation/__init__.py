"""Measures of tokenizers and models."""
