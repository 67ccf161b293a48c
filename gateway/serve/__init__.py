"""The supervisor, its listeners, the log writer and the upgrade."""
