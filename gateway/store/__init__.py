"""What the processes of one gateway share: memory, documents, the log ring."""
