"""Floor 6: running commands and containers against a vault that is unlocked, or is for that.

request        what is asked for
plan           what a driver makes of it: command, isolated, oci or engine
launch         from a plan to a task that waits, and `running` what can be done with it then
records        what is on record of those that run or ran; `stopping` ends one
private        a vault that is open for one task alone; `rooms` whether we can have that
containers     what an OCI runtime is told, and the runner that looks after its container
engines        the same for Docker and Podman
relay          bytes from one descriptor to another, for both runners
"""
