"""What gives signals their names (`catalog`) and what brings them out."""
