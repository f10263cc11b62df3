"""The families of networks behind one Protocol."""
