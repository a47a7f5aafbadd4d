"""The control plane: signals, control socket, idle lock, unmounting; in the main thread."""
