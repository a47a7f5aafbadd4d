"""Floor 5: the launcher and keeper; standard library only, run with -I -S.

__main__      finds the package without site-packages
launcher      reads the LaunchSpec, forks, and becomes the program or its keeper
attributes    the steps between fork and exec, in their order
idmaps        the maps of a user namespace, which the parent writes
limits        how much one process may use
descriptors   which descriptor of the child is what
keeper        stays with a mount backend: log, exit state, dead mount
logfile       the log with its rotation, written without ever holding up its source
scope         a unit of the user's systemd for both, where there is one
"""
