"""Corpora: readers, cleaning stages, language identification, exact deduplication."""
