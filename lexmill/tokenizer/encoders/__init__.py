"""Exact encoders of tokenizer artifacts, in Python: what a `tokenizer.json` is compared with, or stands in for."""
