"""What a case may hold at most. The reader's limits lie above the writer's: what was written can be read."""

CASE_BYTES = 64 << 20  # evidence of one case, where the caller names no other limit
MAX_CASE_BYTES = 128 << 20  # the highest limit that a caller may name
COMPRESS_ABOVE_BYTES = 64 << 10
TEXT_CHARS = 16 << 10  # one text of an evidence or guest (detail, source, one argument)
HEADER_BYTES = 1 << 20  # a guest's command line above this is cut
MAX_EVIDENCE = 4096  # pieces of evidence that a writer takes

READ_EVIDENCE_BYTES = 160 << 20  # decompressed, over the whole case and its baseline
JOURNAL_BYTES = 16 << 20  # a writer stops here
READ_JOURNAL_BYTES = 32 << 20
READ_REPORT_BYTES = 32 << 20
READ_LINES = 8192
READ_PACKED_BYTES = 256 << 20  # a packed case, compressed
READ_UNPACKED_BYTES = 256 << 20  # and decompressed
WINDOW_BYTES = 8 << 20  # memory that a zstd frame may ask for
