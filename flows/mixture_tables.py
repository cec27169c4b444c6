"""What the commands of `lexmill mixture` print for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.console import console, print_rows

SHOWN = 60  # characters of a long value
ROWS = 40  # categories in the table; the others are counted below it
METHODS = {
    "mixture": "linear program (Lexmill)",
    "efficiency": "tokenizer encoding efficiency (TEE)",
    "token_class": "token classification (TC)",
    "uniform": "uniform guess",
    "random": "random guess",
}
DECIDED = 5  # categories whose evidence is shown


def print_inspection(name: str, found: Mapping[str, Any]) -> None:
    """One line a property of a merge list."""
    rows = [{"property": "file", "value": name}]
    for key, value in found.items():
        if key == "compared":
            value = (
                ", ".join(value) or "nothing: no tokenizer file is installed, and none was named by --known"
            )
        if key == "inherited":
            value = value["sentence"] if isinstance(value, Mapping) else "nothing from these"
        rows.append({"property": key.replace("_", " "), "value": _shown(value)})
    print_rows(rows)


def print_mixture(result: Mapping[str, Any]) -> None:
    """Shares with intervals, the alarm, what was looked at, and which merges decided."""
    out = console()
    shares = sorted(result["shares"].items(), key=lambda item: (-item[1]["bytes"], item[0]))
    out.print(Text(f"What {result['tokenizer']} was trained on, relative to these categories:\n"))
    if result["alarm"]:
        out.print(Text(f"ALARM: {result['alarm']}\n", style="bold yellow"))
    out.print(_share_table(shares, result))
    if len(shares) > ROWS:
        rest = sum(share["bytes"] for _, share in shares[ROWS:])
        out.print(f"... and {len(shares) - ROWS} more with {rest:.2%} together")
    out.print()
    for sentence in _sentences(result):
        out.print(Text(sentence))
    print_invalid(result.get("read"))
    _print_evidence(shares, result["evidence"])
    seconds = result["seconds"]
    times = ", ".join(f"{phase} {taken:.1f} s" for phase, taken in seconds.items())
    out.print(f"\n{times}; peak memory {result['peak_memory_bytes'] / 2**20:,.0f} MiB")
    out.print(f"{result['artifact']}", soft_wrap=True)


def print_simulation(result: Mapping[str, Any]) -> None:
    """One line a method with mean and sd of log10 MSE, then the coverage of the intervals and the time a trial took."""
    settings, summary = result["settings"], result["summary"]
    size = sum(tally["bytes"] for tally in result["read"].values())
    rows = [
        {
            "method": METHODS.get(method, method),
            "log10 MSE": f"{found['mean']:.2f}",
            "sd": f"{found['sd']:.2f}",
            "trials": str(found["trials"]),
        }
        for method, found in summary["log10_mse"].items()
    ]
    out, coverage = console(), summary["coverage"]
    out.print(
        f"{settings['trials']} mixtures of {settings['categories']} out of {len(result['read'])} categories "
        f"({size / 1e6:,.1f} MB in all, half to train on), vocabulary {settings['vocab_size']:,}\n"
    )
    print_rows(rows)
    if "efficiency" not in summary["log10_mse"]:
        out.print("Tokenizer encoding efficiency learns from the other trials: it needs at least two.")
    out.print()
    if coverage["share"] is not None:
        out.print(
            f"{coverage['hits']} of {coverage['intervals']} intervals ({coverage['share']:.0%}) hold the true share; "
            f"their level is {coverage['level']:.0%}."
        )
    out.print(f"{summary['alarms']} of {summary['trials']} trials raised the missing-category alarm.")
    times = ", ".join(f"{phase} {taken:.1f} s" for phase, taken in summary["seconds"].items())
    out.print(f"A trial took on average: {times}; reading took {result['seconds']['read']:.1f} s.")
    print_invalid(result["read"])


def print_invalid(read: Mapping[str, Mapping[str, Any]] | None) -> None:
    """A sentence for every category with bytes that are not UTF-8."""
    for name, tally in (read or {}).items():
        if tally["invalid_sequences"]:
            console().print(
                Text(
                    f"{name}: {tally['invalid_sequences']:,} byte sequences in {tally['invalid_documents']:,} "
                    "documents are not UTF-8; they were replaced."
                )
            )


def _share_table(shares: Sequence[tuple[str, Mapping[str, Any]]], result: Mapping[str, Any]) -> Table:
    level = f"{result['interval']['level']:.0%} interval"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("category", overflow="fold")
    for heading in ("share of bytes", level, "of pairs", "text counted"):
        table.add_column(heading, justify="right")
    for name, share in shares[:ROWS]:
        lower, upper = share["lower"], share["upper"]
        bounds = f"{lower:7.2%} to {upper:7.2%}" if lower is not None else "none"
        size = result["sample_bytes"][name] / 1e6
        table.add_row(Text(name), f"{share['bytes']:.2%}", bounds, f"{share['pairs']:.2%}", f"{size:,.2f} MB")
    return table


def _sentences(result: Mapping[str, Any]) -> list[str]:
    """What was looked at and what a reader must know, one sentence each."""
    start, end = result["start_merge"], result["end_merge"]
    found = [
        f"Merges {start:,} to {end - 1:,} of {result['merges_listed']:,} were looked at "
        f"({result['merges_used']:,}{_why(result)}); certified gap {result['gap']:.2%}, "
        f"unexplained {result['unexplained']:.1%} (0% is a perfect fit, more than 35% raises the alarm), "
        f"{result['impossible_merges']:,} occur in no category."
    ]
    if result["inherited"]:
        found.append(result["inherited"]["sentence"])
    if result["merges_note"]:
        found.append(f"{result['merges_note']}.")
    if result.get("cutting_note"):
        found.append(result["cutting_note"])
    if result["left_out"]:
        names = ", ".join(
            f"{name} ({entry['reason']})" for name, entry in list(result["left_out"].items())[:8]
        )
        more = len(result["left_out"]) - 8
        found.append(f"Left out: {names}{f' and {more} more' if more > 0 else ''}.")
    for a, b in result["alike"]:
        found.append(
            f"{a} and {b} are nearly the same text: how their share divides between them is arbitrary."
        )
    found.append(str(result["interval"]["covers"]))
    return found


def _why(result: Mapping[str, Any]) -> str:
    if result["signal_merges"] is None:
        return ", as asked" if not result["merges_note"] else ""
    return f", chosen: the last of them occur about {result['median_count']:,.0f} times in the text"


def _print_evidence(
    shares: Sequence[tuple[str, Mapping[str, Any]]], evidence: Mapping[str, Mapping[str, Any]]
) -> None:
    rows = []
    for name, _ in shares[:DECIDED]:
        raising = evidence.get(name, {}).get("raises", [])[:2]
        pairs = [f"{_spaced(e['merge'])} before {_spaced(e['competitor'])}" for e in raising]
        if pairs:
            rows.append({"category": name, "learned": ", ".join(pairs)})
    if rows:
        console().print("\nMerges that decided for a category, each learned before a competitor:")
        print_rows(rows)


def _spaced(token: str) -> str:
    """A token with its spaces visible."""
    return token.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 4 * SHOWN else text[: 4 * SHOWN] + " ..."
