"""What stands where, from files of the operator."""
