"""Pure functions on arrays: sparse rows, ridge solves, gramians, top-k; compiled, on Tastemap's own threads."""
