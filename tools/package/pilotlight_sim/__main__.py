"""`python -m pilotlight_sim`, where the command's folder is not on the path."""

import sys

from pilotlight_sim import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
