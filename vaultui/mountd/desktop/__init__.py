"""What the machine and the desktop tell, and what they are told, over D-Bus.

bus            one connection to a bus; the only module that knows the library
connection     a bus that may not be there: looked for again and again
occasions      who is told of what was noticed
logind         the machine is about to sleep or to shut down, a session is locked or ends
screensaver    the screen is locked, as the programs that lock it say
notice         a short message, and where it is shown
notifications  short messages to the person at the desktop

Nothing here decides what follows. All of it runs in the control plane's thread.
"""
