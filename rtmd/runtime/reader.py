"""The reader: a process that answers questions about samples beside the daemon, over its stdin and stdout.

    python -m rtmd.runtime.reader STATE_FOLDER BYTES

It says so when it has grown beyond so many bytes, and had better be replaced.

Evaluating a query is work for seconds; in the daemon it would take turns with the evaluation of rules under one
interpreter lock, and delay it (measured: up to 140 ms on two cores). Here it cannot; it is of lower priority, the
first to go when memory runs out, and can be ended at any time.

A message is four bytes of length (little endian) and MessagePack: a question in, a `Reply` out, in turn. The data of
the answer follow it, with a length of their own. End of input ends the process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec
import psutil

from rtmd.api.questions import Answer, Question
from rtmd.runtime.librarian import Librarian

HEAD = 4
_NICE = 10
_OUT_OF_MEMORY_FIRST = "500"


class Reply(msgspec.Struct, frozen=True):
    """An answer, its data still to come. `spent`: this reader has grown large, and should not be asked again."""

    answer: Answer
    spent: bool = False


_questions: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)

log = logging.getLogger(__name__)


def frame(body: bytes) -> bytes:
    """Bytes with their length."""
    return len(body).to_bytes(HEAD, "little") + body


def serve(folder: Path, questions: BinaryIO, answers: BinaryIO, *, large: int) -> None:
    """Answer until the input ends."""
    librarian = Librarian(folder)
    while len(head := questions.read(HEAD)) == HEAD:
        asked = _questions.decode(questions.read(int.from_bytes(head, "little")))
        try:
            answer = librarian.answer(asked)
        except Exception:
            log.exception("a query could not be answered: %s", asked)
            answer = Answer(error_type="internal", error="rtmd failed to answer this; its log says why")
        data = b"".join(answer.data)
        reply = Reply(msgspec.structs.replace(answer, data=()), spent=psutil.Process().memory_info().rss > large)
        answers.write(frame(msgspec.msgpack.encode(reply)))
        answers.write(frame(data))
        answers.flush()


def main() -> None:
    """The process."""
    os.nice(_NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY_FIRST)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints does not stand between answers
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        serve(Path(sys.argv[1]), sys.stdin.buffer, answers, large=int(sys.argv[2]))


if __name__ == "__main__":
    main()
