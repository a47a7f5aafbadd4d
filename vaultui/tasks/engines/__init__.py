"""Containers of Docker and Podman: how an engine is reached and told, and the runner of one."""
