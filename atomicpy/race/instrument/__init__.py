"""Instrumenting modules: the import hook, and the rewriting of their syntax trees."""
