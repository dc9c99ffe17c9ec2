"""The commands about the life cycle of models: what is kept, and what is to become of it."""

import argparse
import sys

from exporter.adapters import statefile
from exporter.adapters.versionfiles import VersionFolder, version_folder
from exporter.commands.asking import add_address, ask
from exporter.commands.flags import read_config
from exporter.config import Config, QueryConfig
from exporter.errors import ConfigError, StateCorrupt
from exporter.lifecycle.versions import Life, Manifest
from exporter.reports.versions import compare_fits, list_fits, show_fit
from promkit.cliargs import add_config_flags

ACTIONS = ("list", "show", "compare", "refit", "rollback")


_AFTERWARDS = "See `models list` for what became of it."


def add_models(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    parser = commands.add_parser(
        "models",
        help="list, show, compare, refit or roll back what queries have learned",
        description="What a query has learned, its model, is fitted anew on history now and then, "
        "and replaced by the new fit unless that is worse. These commands look at the fits, have "
        "another one made, and go back to an older one.",
    )
    actions = parser.add_subparsers(dest="models", required=True, metavar="|".join(ACTIONS))
    listing = actions.add_parser(
        "list",
        help="list versions and refused challengers",
        description="Lists every fit of the queries' models that is remembered, newest first: "
        "when and why it was made, how good it was on the data held back from it (alarms: "
        "anomalies per series and day; band error: mean distance from the expected value, in "
        "robust deviations; - if there were no such data), and what became of it. Reads the files "
        "beside the state file; no exporter has to run.",
    )
    add_config_flags(listing, "exporter.yml")
    listing.add_argument("--query", metavar="NAME", help="only this query")
    listing.set_defaults(action=_list)
    show = actions.add_parser(
        "show",
        help="show all that is known of one fit",
        description="Prints the manifest of one fit as JSON: from what it was made, how good it "
        "and the champion were, why it was refused; of a version that is kept also its arrays. "
        "`made` is in unix seconds, other instants in unix milliseconds.",
    )
    _add_query(show)
    show.add_argument(
        "--number", type=int, metavar="NUMBER", help="which fit (default: the one in force)"
    )
    show.set_defaults(action=_show)
    compare = actions.add_parser(
        "compare",
        help="show two fits side by side",
        description="Prints the measures of two fits side by side, and the settings that differ. "
        "A challenger and the champion that it was compared with are shown on the same data.",
    )
    _add_query(compare)
    compare.add_argument("numbers", type=int, nargs=2, metavar="NUMBER", help="two fits of `list`")
    compare.set_defaults(action=_compare)
    refit = actions.add_parser(
        "refit",
        help="have the running exporter fit a challenger",
        description="Asks the running exporter, by POST /-/models/refit, to fit a challenger of a "
        "query's model, as soon as there is data that is new to both, and to put it in force "
        "unless it is worse.",
    )
    _add_query(refit)
    add_address(refit)
    refit.set_defaults(action=_refit)
    back = actions.add_parser(
        "rollback",
        help="have the running exporter go back to another version",
        description="Asks the running exporter, by POST /-/models/rollback, to put another version "
        "of a query's model in force, as it would be by now had it never been replaced.",
    )
    _add_query(back)
    back.add_argument(
        "--to", type=int, metavar="NUMBER", help="which version (default: the one before)"
    )
    add_address(back)
    back.set_defaults(action=_roll_back)


def _add_query(parser: argparse.ArgumentParser) -> None:
    add_config_flags(parser, "exporter.yml")
    parser.add_argument("--query", metavar="NAME", required=True, help="which query")


def _chosen(config: Config, name: str | None) -> list[tuple[QueryConfig, VersionFolder]]:
    """Return the queries whose models are looked after, or only the one named.

    Raises
    ------
    ConfigError
        There is none.
    """
    if config.state.path is None:
        raise ConfigError(["state.path: found null, so that no version is kept; name a file"])
    known = [
        (query, folder)
        for query in config.all_queries()
        if query.models is not None and (folder := version_folder(config.state.path, query.name))
    ]
    if not known:
        raise ConfigError(["no query has detectors and `models`; give one both"])
    chosen = [(query, folder) for query, folder in known if name in (None, query.name)]
    if not chosen:
        names = ", ".join(query.name for query, _ in known)
        raise ConfigError([f"--query: found {name!r}; allowed: {names}"])
    return chosen


def _list(flags: argparse.Namespace) -> int:
    code = 0
    for query, folder in _chosen(read_config(flags), flags.query):
        print(f"query {query.name}")
        try:
            life = _life(folder)
        except StateCorrupt as error:  # the others are shown all the same
            print(f"  {error}", file=sys.stderr)
            code = 1
        else:
            files = {one.number: folder.file(one.number) for one in life.versions()}
            kept = {number for number, file in files.items() if file.exists()}
            damaged = {number for number, file in files.items() if statefile.aside(file).exists()}
            told = list_fits(life, kept, damaged) if life.manifests else f"  {_nothing(folder)}"
            print(told)
    return code


def _show(flags: argparse.Namespace) -> int:
    ((_, folder),) = _chosen(read_config(flags), flags.query)
    life = _life(folder)
    number = life.champion if flags.number is None else flags.number
    fit = _fit(folder, life, number, "--number")
    try:
        print(show_fit(fit, folder.described(number)))
    except StateCorrupt as error:
        raise _as_it_goes_on(error) from error
    return 0


def _compare(flags: argparse.Namespace) -> int:
    ((_, folder),) = _chosen(read_config(flags), flags.query)
    life = _life(folder)
    first, second = (_fit(folder, life, number, "NUMBER") for number in flags.numbers)
    print(compare_fits(first, second))
    return 0


def _life(folder: VersionFolder) -> Life:
    """Return what is known of a query's model; a damaged file is left to the exporter."""
    try:
        return folder.life(mend=False)
    except StateCorrupt as error:
        raise _as_it_goes_on(error) from error


def _as_it_goes_on(error: StateCorrupt) -> StateCorrupt:
    return StateCorrupt(f"{error}; `run` moves it aside and goes on with what is whole")


def _fit(folder: VersionFolder, life: Life, number: int, flag: str) -> Manifest:
    if not life.manifests:
        raise ConfigError([_nothing(folder)])
    fit = life.manifest(number)
    if fit is None:
        known = ", ".join(str(one.number) for one in life.manifests)
        raise ConfigError([f"{flag}: found {number}; allowed: {known}"])
    return fit


def _nothing(folder: VersionFolder) -> str:
    return f"no version in {folder.path}; `run` begins the first once it has looked back"


def _refit(flags: argparse.Namespace) -> int:
    _chosen(read_config(flags), flags.query)
    print(ask(flags, "/-/models/refit", query=flags.query), _AFTERWARDS)
    return 0


def _roll_back(flags: argparse.Namespace) -> int:
    _chosen(read_config(flags), flags.query)
    to = {} if flags.to is None else {"to": str(flags.to)}
    print(ask(flags, "/-/models/rollback", query=flags.query, **to), _AFTERWARDS)
    return 0
