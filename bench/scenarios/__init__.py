"""What is measured, one kind of measurement per module; `bench.run` holds the table of them all."""
