"""What messages say: decoded into columns, converted, and judged one by one whether they may enter the store."""
