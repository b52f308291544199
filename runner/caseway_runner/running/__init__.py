"""What `run` starts: a process, a container, another workflow. One module each."""
