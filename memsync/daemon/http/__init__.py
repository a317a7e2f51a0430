"""Both ports: who gets in, which names are this machine's, and the server that answers."""
