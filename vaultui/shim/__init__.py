"""Floor 5: the launcher and those who stay; standard library only, run with -I -S.

__main__      finds the package without site-packages
launcher      reads the LaunchSpec, forks, and becomes the program or its keeper
attributes    the steps between fork and exec, in their order
idmaps        the maps of a user namespace, which the parent writes
limits        how much one process may use
descriptors   which descriptor of the child is what
keeper        stays with a mount backend: log, exit state, dead mount
logfile       the log with its rotation, written without ever holding up its source
scope         a unit of the user's systemd for those who stay, where there is one
staying       what all of them do: signals become readable, and the rest is closed

Of a task, as drawn in wire.tasks and wire.taskend:

taskstart     from a LaunchSpec to keeper, warden, and a task that waits
go            whether it may begin
taskkeeper    its output, its limits, its end
warden        its parent, who can do all that when the keeper is killed
ending        asked, given a time, killed: everything that is below one process
taskoutput    into files, and to whoever reads along
aftermath     what is written down and put away at the end
room          between the warden and a task in namespaces of its own
roombackend   the mount backend in them
roominit      the init of their processes
view          what a task sees that is to see little
"""
