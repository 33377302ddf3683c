"""How the client reaches a server: connections, pools of them, and the proxies of the environment."""
