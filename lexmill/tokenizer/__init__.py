"""Tokenizers: pre-tokenizing, word counts, training, export, checks."""
