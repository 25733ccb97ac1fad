"""What builds the lab and takes it away again. See docs/lab.md."""
