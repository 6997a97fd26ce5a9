"""Any label: what is to be foreseen, when it came about, what sensors said before, and who may speak of it."""
