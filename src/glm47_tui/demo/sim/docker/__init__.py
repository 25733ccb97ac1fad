"""The stand-in for the docker command and its daemon: state in JSON files, containers as folders.

A container's main process is a sleeping process of this machine; the container runs as long as it
does. What ``docker exec`` starts are processes of this machine, too, with the container's root in
their environment.
"""
