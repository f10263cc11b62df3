"""`python -m rtalign_cli`: the command `rtalign` of this Python."""

import sys

from rtalign_cli.main import main

sys.exit(main())
