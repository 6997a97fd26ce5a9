"""What people read, in their language: phrases, messages of errors, units."""
