"""The fault matrix: what the program does when streams, processes, disks and files fail, by the real command."""
