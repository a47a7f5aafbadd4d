"""The data plane: requests of the kernel and their answers, in a thread of their own."""
