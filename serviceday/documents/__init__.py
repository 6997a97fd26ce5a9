"""What goes into people's hands: inspection lists and announcements."""
