"""rtalign: how a language model and a human brain line up, word by word."""
