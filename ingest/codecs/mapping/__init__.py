"""Languages as data: a profile says where in a payload device, time and values stand."""
