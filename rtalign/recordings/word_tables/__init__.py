"""Word onsets from tables, TextGrids and CTM files."""
