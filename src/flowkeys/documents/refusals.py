"""Why a file is not taken: values of the worker's process, made into the domain's errors by the parser."""


class Refused(Exception):
    """The file's kind is not supported or it cannot be read; the message says why, to people."""


class TooMuch(Refused):
    """The file exceeds a limit; the message names it."""
