"""Floor 5: the parent side of a mount backend.

launch         start a backend, until it serves or nothing of it is left
oneshot        run a command of the backend to its end
shimstart      the shim with its five descriptors, for both
process        state x event: what comes of everything that can happen
watched        a process that is not our child, through its pidfd
runstate       the records that connect one front end with the next
exits          how a process ended, in words
controlclient  asking a running backend
logs           its log, the end of it and what is added
repair         putting away what dead processes left
"""
