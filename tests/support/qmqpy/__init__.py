"""An independent reading of the wire protocol and the store files.

Written from the specification alone, never from the C sources, so that a mistake of ours cannot hide in both.
Reading order: fields, frame, message, commands, connection, store.
"""
