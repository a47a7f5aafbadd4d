"""The data plane: requests of the kernel and their answers, in a thread of their own."""

import vaultui.mountd.hotpath  # noqa: F401 - before pyfuse3 is loaded: see there
