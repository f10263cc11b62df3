"""The command `rtalign`: options, terminal output and the subcommands that the library does not have.

`main` finds the subcommand, `arguments` declares its options, `inputs` opens what the options name.
Nothing here is imported by the library, the trainer or the window.
"""
