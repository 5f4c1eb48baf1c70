"""Names of the files in a lab guest's folder that a guest writes."""

CONSOLE = "console.log"
DEBUGCON = "debugcon.log"
