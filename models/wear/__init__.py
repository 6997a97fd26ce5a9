"""How far equipment has worn, told by what its sensors do together over its life; nothing has to be labelled."""
