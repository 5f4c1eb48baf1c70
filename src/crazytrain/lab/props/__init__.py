"""Props: what the lab does or runs beside QEMU to make a guest's trouble (a frozen disk server, a tiny file system).

A guest names its props. They are made with the guest, on record in its folder, and end with it; none touches anything
of the machine but the guest's own folder, processes and control group.
"""
