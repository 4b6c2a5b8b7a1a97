"""Everything that is wrong with a scenario and with its clients' files, told at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedot.errors import FedotError, MistakesError, lines_of

if TYPE_CHECKING:  # imported late, so that --help is quick
    from fedot.scenario import Scenario


def load_checked(path: Path, overrides: Sequence[str] = (), data_dir: Path | None = None) -> "Scenario":
    """Read a scenario whose keys are all possible.

    Where they are not, the files of the clients are looked at, too, so that all can be put right together. Files of
    clients whose own keys are wrong are left alone: what is wrong with them may only follow from that.

    Parameters
    ----------
    overrides
        ``key.path=value``, values being YAML.
    data_dir
        The second place where files are looked up.

    Raises
    ------
    MistakesError
        One line each.
    """
    from fedot.scenario import load_scenario

    try:
        return load_scenario(path, overrides)
    except MistakesError as error:
        values = _mapping(path, overrides)
        more = (*_model_wrong(values, path), *_files_wrong(values, path, data_dir))
        raise MistakesError([*error.lines, *more]) from None


def check_settings(
    path: Path, editions: Iterable[tuple["Scenario", Sequence[str]]], data_dir: Path | None = None
) -> None:
    """Refuse strategies and models that cannot be, of every edition of a scenario; loads what they are made of.

    Each edition comes with its overrides of the file.

    Where there are such, the files of the clients are looked at, too, so that all can be put right together.

    Raises
    ------
    MistakesError
        For the mistakes of all, each once.
    """
    wrong: list[str] = []
    for scenario, overrides in editions:
        if found := [f"{path}: {line}" for line in _settings_wrong(scenario)]:
            wrong += [*found, *_files_wrong(_mapping(path, overrides), path, data_dir)]
    if wrong:
        raise MistakesError(wrong)


def load_all(path: Path, runs: Iterable[Sequence[str]], data_dir: Path | None = None) -> list["Scenario"]:
    """Read every edition of a scenario, each with its overrides, as `load_checked` does.

    Raises
    ------
    MistakesError
        For the mistakes of all, each once.
    """
    loaded: list[Scenario] = []
    wrong: list[str] = []
    for overrides in runs:
        try:
            loaded.append(load_checked(path, overrides, data_dir))
        except MistakesError as error:
            wrong += error.lines
    if wrong:
        raise MistakesError(wrong)
    return loaded


def _settings_wrong(scenario: "Scenario") -> Iterator[str]:
    """What no strategy and no model can be; checkpoints are looked for, and opened."""
    from fedot.federation.experiment.run import strategy_mistakes
    from fedot.models.pretrained.pretrained_config import PretrainedConfig
    from fedot.strategies import build_strategy
    from fedot.strategies.checkpoint_fits import checkpoint_fits
    from fedot.tasks import TASKS
    from fedot.training.client_checkpoint import checkpoint_spec, config_here

    told = strategy_mistakes(scenario)
    yield from told
    for number, spec in enumerate(scenario.client_specs()):
        try:
            trained = checkpoint_spec(scenario, number)
            # of a checkpoint's own classes the data will have to be
            classes = 2 if TASKS[scenario.task].has_classes and trained is None else 0
            config, _ = config_here(scenario, number, scenario.tokenizer_spec(number).vocab_size, classes)
        except FedotError as error:
            if str(error) not in told:
                yield f"clients.{number}.{error}" if spec.model and str(error).startswith("model.") else str(error)
            continue
        if isinstance(config, PretrainedConfig) and not told:
            for each in scenario.strategies:
                yield from checkpoint_fits(each.title, build_strategy(each.name, each.options), config)


def _mapping(path: Path, overrides: Sequence[str]) -> dict[str, Any]:
    from fedot.scenario.yaml_file import apply_override, read_mapping

    values = read_mapping(path)
    for override in overrides:
        apply_override(values, override)
    return values


def _model_wrong(values: Mapping[str, Any], path: Path) -> Iterator[str]:
    """What no model can be, in a scenario of which other keys are wrong."""
    from fedot.models import model_config
    from fedot.scenario.defaults import with_task_defaults
    from fedot.tasks import TASKS

    completed = with_task_defaults(values)
    task, model = TASKS.get(str(completed.get("task", ""))), completed.get("model")
    if task is not None and isinstance(model, Mapping) and "pretrained" not in model:
        try:
            model_config(dict(model), 1000, 2 if task.has_classes else 0)
        except FedotError as error:
            yield f"{path}: {error}"


def _files_wrong(values: Mapping[str, Any], path: Path, data_dir: Path | None) -> Iterator[str]:
    """What is wrong with the files of those clients whose keys are right."""
    from pydantic import ValidationError

    from fedot.data.load_files import load_files
    from fedot.scenario import ClientSpec
    from fedot.scenario.file_keys import FILES
    from fedot.tasks import DEFAULT, TASKS, present_name

    task = TASKS.get(present_name(str(values.get("task", DEFAULT))))
    for number, client in enumerate(_clients(values.get("clients"))):
        try:
            spec = ClientSpec.model_validate(client)
        except ValidationError:
            continue
        if task is None or spec.dataset != FILES:
            continue
        try:
            load_files(spec, task, path.resolve().parent, data_dir)
        except FedotError as error:
            yield from (f"client {spec.name or number}: {line}" for line in lines_of(error))


def _clients(value: object) -> list[Any]:
    """Each client as the file has it; one corpus that is shared out is one."""
    if isinstance(value, Mapping):
        return [{key: item for key, item in value.items() if key not in ("partition", "models", "faults")}]
    return value if isinstance(value, list) else []
