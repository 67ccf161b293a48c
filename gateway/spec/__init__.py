"""What a user may write: frozen msgspec Structs, and `load.py`, the only parser of user YAML."""
