"""The engine's process and its pipe: the server inside, the client outside."""
