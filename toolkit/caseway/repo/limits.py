"""How much of a repo is read before it is called hostile. Bytes and counts; generous for people, finite."""

from __future__ import annotations

FILE_BYTES = 10_000_000
DEFINITION_BYTES = 1_000_000  # larger definitions load with a note: no one reviews such a file
DEPTH = 100
NODES = 1_000_000  # values in one file, aliases counted as what they expand to
ALIAS_NODES = 100_000  # values in one file that exist only through aliases
DOCUMENTS = 10_000  # in one file
FILES = 200_000  # files of one tree that may hold documents
TREE_BYTES = 1_000_000_000  # of all files read together
TREE_NODES = 10_000_000  # of all values held together
FINDINGS_PER_FILE = 50  # a broken file says enough in fifty lines
LINK_HOPS = 10
