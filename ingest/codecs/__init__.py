"""The languages of devices: what a payload says, and how it is written."""
