"""`python -m rtalign`: the command that was installed with the library.

The library does not import the command line; it asks the installation which function is called `rtalign`.
"""

import sys
from importlib.metadata import entry_points

commands = entry_points(group="console_scripts", name="rtalign")
if not commands:
    sys.exit("rtalign: the command is not installed here; run pip install in the folder of the source code")
sys.exit(next(iter(commands)).load()())
