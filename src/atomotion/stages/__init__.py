"""One file per stage: its config, what it reads, the science it calls, what it writes and draws."""
