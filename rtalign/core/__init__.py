"""Records that travel, the settings that change a number, and safe files: what every other package builds on."""
