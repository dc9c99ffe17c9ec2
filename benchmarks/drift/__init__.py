"""How surely, and how soon, is drift found? README.md tells what is measured."""
