"""Completion at the prompt: statements, and the commands that begin with a backslash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from catalog.dataset import Bilingual
from gateway.client import RequestError
from gateway.client.catalogue_names import CatalogueNames
from gateway.client.completion import Candidate, complete, fitting

Purpose = Callable[[], str]
"""Returns the purpose that is declared now; empty for none."""


class StatementCompleter(Completer):
    """Completes SQL, and the commands that begin with a backslash.

    Args:
        names: What the requester may use.
        purpose: Only what this purpose opens is offered.
        commands: Commands by name, with what they do.
        words: Chooses the language.
    """

    def __init__(
        self,
        names: CatalogueNames,
        *,
        purpose: Purpose,
        commands: Mapping[str, Bilingual],
        words: Callable[[Bilingual], str],
    ) -> None:
        self._names = names
        self._purpose = purpose
        self._commands = commands
        self._words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield what may stand where the cursor is; nothing while the gateway does not answer."""
        with suppress(RequestError):
            yield from self._completions(document, complete_event)

    def _completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        before = document.text_before_cursor.lstrip()
        command, blank, argument = before.partition(" ")
        if not before.startswith("\\"):
            yield from self._in_statement(before, text=document.text)
        elif not blank:
            yield from _shown(fitting(before, ((name, self._words(does)) for name, does in self._commands.items())))
        elif command == "\\purpose":
            purposes = self._names.purposes().values()
            yield from _shown(fitting(argument, ((purpose.id, self._words(purpose.title)) for purpose in purposes)))
        elif command == "\\save":
            yield from PathCompleter(expanduser=True).get_completions(Document(argument), complete_event)
        elif command == "\\explain":
            yield from self._in_statement(argument, text=argument)

    def _in_statement(self, before: str, *, text: str) -> Iterator[Completion]:
        return _shown(complete(before, text=text, names=self._names, purpose=self._purpose(), words=self._words))


def _shown(candidates: Iterable[Candidate]) -> Iterator[Completion]:
    for candidate in candidates:
        yield Completion(candidate.text, start_position=-candidate.replaces, display_meta=candidate.title)
