"""What each subcommand of `rtalign` does, once its line is parsed."""
