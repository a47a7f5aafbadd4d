"""Run as a file, `python -I -S .../shim/__main__.py`: the package is found beside it."""

import sys

if __name__ == "__main__":
    # -I leaves the directory of this file out of the path, and -S all of site-packages.
    sys.path.insert(0, __file__.removesuffix("/vaultui/shim/__main__.py"))
    from vaultui.shim.launcher import main

    main()
