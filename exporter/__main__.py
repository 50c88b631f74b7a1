"""Starts ``datastream-exporter``; ``python -m exporter`` does the same."""

try:
    import os
    import signal
    from types import FrameType

    from exporter import PROGRAM
except KeyboardInterrupt:
    # Until there is a handler, Ctrl-C is an exception.
    raise SystemExit(130) from None


def entry(program: str = PROGRAM, module: str = "exporter.command.cli") -> None:
    """Run the command line of this process with a module, and exit with its code."""
    # Before the imports that take a moment, in which a signal may come
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_at_once)
    from exporter.process import start

    start(program, module)


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    """End the process. An exception could get lost, or break an import."""
    sentence = f"{signal.Signals(number).name}: stopped; no work was under way.\n"
    try:
        os.write(2, sentence.encode())
    finally:  # nobody may be reading stderr
        os._exit(128 + number)


if __name__ == "__main__":
    entry()
