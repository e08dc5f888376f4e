"""What people change by hand, and what became of it."""
