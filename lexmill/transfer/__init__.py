"""Giving a model a new vocabulary: initialisers, the transfer plan, model surgery."""
