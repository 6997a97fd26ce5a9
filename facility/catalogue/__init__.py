"""What equipment there is and what it measures: one data file a class, and what reads them."""
