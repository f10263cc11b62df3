"""Words to activations: every family of language model behind one Protocol."""
