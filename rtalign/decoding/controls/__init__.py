"""What controls take out and put in place: nuisances, their residuals, the static twin, what a layer adds."""
