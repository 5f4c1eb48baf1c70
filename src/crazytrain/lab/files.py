"""Names of the files in a lab guest's folder that a guest writes, or answers on."""

CONSOLE = "console.log"
DEBUGCON = "debugcon.log"
SHELL = "shell.sock"
BULK = "bulk.img"
