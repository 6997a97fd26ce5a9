"""`serviceday`: finds the command and turns what users can mend into one line and exit code 2.

Command modules are light; what they need of the rooms they import when they run, so that `--help` is instant.
"""

from __future__ import annotations

import os
import re
import sys

from facility.errors import CannotParse, ServicedayError
from facility.i18n.messages import foreign

EXIT_WRONG = 2
PRIVATE = 0o077  # umask: what we write is the user's own until they share it
EXIT_ABORTED = 1
EXIT_INTERRUPTED = 130
EXIT_UNFORESEEN = 70  # EX_SOFTWARE of sysexits.h: our fault, not the user's


def spread_maps(arguments: list[str]) -> list[str]:
    """`--map a=x b=y` said the short way becomes `--map a=x --map b=y`."""
    spread: list[str] = []
    mapping = False
    for argument in arguments:
        if mapping and spread[-1] != "--map" and re.fullmatch(r"\w+=.+", argument):
            spread += ["--map", argument]
            continue
        if argument == "--map":
            mapping = True
        elif not (spread and spread[-1] == "--map"):
            mapping = False
        spread.append(argument)
    return spread


def choose_language(arguments: list[str]) -> list[str]:
    """`--lang zh` may stand anywhere; it must be known before the commands and their help are read."""
    kept = list(arguments)
    for index, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--lang":
            used = 1 if value else 2
            value = value or (arguments[index + 1] if index + 1 < len(arguments) else "")
            if value not in ("zh", "en"):
                raise ServicedayError(
                    "--lang {value!r} is not a language of ours", "Say --lang zh or --lang en", value=value
                )
            os.environ["SERVICEDAY_LANGUAGE"] = value
            del kept[index : index + used]
            break
    return kept


def called(arguments: list[str]) -> int:
    """Do what the arguments ask for; gives the exit code. Raises `CannotParse` where they cannot be understood."""
    from typer import Abort, TyperException

    from commands.app.messages import say
    from commands.app.program import COMMANDS, GROUPS, program

    try:
        code = program(args=arguments, prog_name="serviceday", standalone_mode=False)
    except Abort:  # somebody said no
        print(say("program.aborted"), file=sys.stderr)
        return EXIT_ABORTED
    except TyperException as error:
        message = error.format_message()
        if not message:  # it has shown the help instead
            return error.exit_code
        context = getattr(error, "ctx", None)
        named = [argument for argument in arguments[:1] if argument in COMMANDS or argument in GROUPS]
        path = context.command_path if context is not None else " ".join(["serviceday", *named])
        raise CannotParse(
            "{reason}", "See `{command} --help`", reason=foreign(message.strip().removesuffix(".")), command=path
        ) from None
    return code if isinstance(code, int) else 0


def run() -> None:
    """Entry point of the `serviceday` program."""
    os.umask(PRIVATE)
    try:
        arguments = spread_maps(choose_language(sys.argv[1:]))
        sys.exit(called(arguments))
    except ServicedayError as error:
        from commands.app.messages import told
        from commands.app.output import printable

        print(f"serviceday: {printable(told(error))}", file=sys.stderr)
        sys.exit(EXIT_WRONG)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("SERVICEDAY_TRACEBACK"):
            raise
        from commands.app.unforeseen import told_of

        print(f"serviceday: {told_of(error)}", file=sys.stderr)
        sys.exit(EXIT_UNFORESEEN)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    run()
