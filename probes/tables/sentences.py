"""What the tests of a column show, in words. A difference that is not shown is never called equality."""

from collections.abc import Iterable, Sequence

from .claims import ColumnClaims, Comparison, Verdict


def sentence(title: str, claims: ColumnClaims | None) -> str:
    """One or two sentences on a task; ``title`` names it, ``claims`` is None if no test was possible."""
    if claims is None:
        return f"{title}: no test was possible."
    parts = [_of_chosen(claims) if claims.chosen else _of_best(claims), _of_floors(claims)]
    scope = ", of these networks of one seed" if claims.one_run else ""
    return f"{title}{scope}: {' '.join(filter(None, parts))}"


def listed(names: Sequence[str]) -> str:
    """Names as ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _of_best(claims: ColumnClaims) -> str:
    """The other methods beside the best mean."""
    best = claims.reference[1]
    behind, open_, untested = (_names(claims.methods, each) for each in _FROM_BEST)
    if not claims.methods:
        return f"{best} is the only method."
    if not behind and not open_:
        return f"{best} has the best mean; no other method could be tested against it."
    if not behind:
        return f"no method is shown to differ from {best}, the best mean.{_untested(untested)}"
    if not open_ and not untested:
        return f"{best} is ahead of every other method."
    text = f"{best}, the best mean, is ahead of {listed(behind)}"
    if open_:
        text += f"; {listed(open_)} {'is' if len(open_) == 1 else 'are'} not shown to differ from it"
    return f"{text}.{_untested(untested)}"


_FROM_BEST = (Verdict.BEHIND, Verdict.NOT_SHOWN, Verdict.UNTESTED)


def _of_chosen(claims: ColumnClaims) -> str:
    """The methods beside the row that the reader chose."""
    chosen = claims.reference[1]
    parts = []
    for verdict, words in (
        (Verdict.AHEAD, f"ahead of {chosen}"),
        (Verdict.BEHIND, f"behind {chosen}"),
        (Verdict.NOT_SHOWN, f"not shown to differ from {chosen}"),
    ):
        if names := _names(claims.methods, verdict):
            parts.append(f"{listed(names)} {'is' if len(names) == 1 else 'are'} {words}")
    text = f"{'; '.join(parts)}." if parts else f"no method could be tested against {chosen}."
    return text + (_untested(_names(claims.methods, Verdict.UNTESTED)) if parts else "")


def _of_floors(claims: ColumnClaims) -> str:
    """Whether the reference is ahead of every floor."""
    reference, hardest = claims.reference[1], claims.hardest_floor
    if not claims.floors or hardest is None or hardest.gap is None:
        return ""
    if claims.ahead_of_floors:
        return f"{reference} is ahead of every floor."
    untested = _names(claims.floors, Verdict.UNTESTED)
    if hardest.verdict == Verdict.BEHIND:
        return f"{reference} is ahead of the floors that could be tested; {listed(untested)} could not."
    means = ", whose mean is better" if hardest.gap.mean * hardest.better > 0 else ""
    return f"{reference} is not shown to be ahead of {hardest.variant}{means}."


def _names(rows: Iterable[Comparison], verdict: Verdict) -> list[str]:
    return [each.variant for each in rows if each.verdict == verdict]


def _untested(names: Sequence[str]) -> str:
    return f" {listed(names)} could not be tested." if names else ""
