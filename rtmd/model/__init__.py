"""The vocabulary of rtmd: frozen values without behaviour that needs a clock, a disk or a library.

Every room speaks these words (design: one word, one meaning, in code, files, API and screen). Times are integer
milliseconds since the epoch, durations integer milliseconds.
"""
