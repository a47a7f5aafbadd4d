"""Containers of an OCI runtime: what they are made of, and the runner that looks after one."""
