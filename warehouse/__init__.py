"""Artifacts, their records and lineage as files, and SQL over them.  Knows nothing of flows, tasks or the library."""
