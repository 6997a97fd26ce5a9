"""Running an installation for years: copies of all it holds, and bringing it back from one."""
