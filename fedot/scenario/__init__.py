"""The scenario: what a YAML file may say, read and checked."""

from fedot.scenario.load_and_dump import dump_scenario, load_scenario, parse_scenario
from fedot.scenario.schema import (
    ClientSpec,
    CorpusSpec,
    FaultName,
    Scenario,
)
from fedot.scenario.sections import DecodingSpec, PartitionSpec, PrivacySpec, TokenizerSpec, TrainSpec

__all__ = [
    "ClientSpec",
    "CorpusSpec",
    "DecodingSpec",
    "FaultName",
    "PartitionSpec",
    "PrivacySpec",
    "Scenario",
    "TokenizerSpec",
    "TrainSpec",
    "dump_scenario",
    "load_scenario",
    "parse_scenario",
]
