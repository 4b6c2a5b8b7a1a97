"""What a symmetry spec says of its neuron groups: which are matched, which are streams, which tables name rows."""

from fedot.symmetry import SymmetrySpec


def matched_groups(spec: SymmetrySpec) -> tuple[str, ...]:
    """Groups whose neurons are matched one by one: permuted, and neither heads nor a stream."""
    heads = spec.heads()
    return tuple(
        name
        for name, group in spec.groups.items()
        if group.kind == "permutation" and name not in heads and not spec.is_stream(name)
    )


def streams_of(spec: SymmetrySpec) -> tuple[str, ...]:
    """Residual streams that have a map: all that may be rotated or permuted."""
    return tuple(
        name
        for name, group in spec.groups.items()
        if group.kind == "orthogonal" or (group.kind == "permutation" and spec.is_stream(name))
    )


def labelled_tables(spec: SymmetrySpec, group: str) -> tuple[tuple[str, int], ...]:
    """All (tensor name, axis index of its rows) of tables that tie labels to the stream `group`; tied ones once."""
    found = []
    copies = {copy for copy, _ in spec.lasting_ties()}
    for name, axes in spec.axes.items():
        kinds = [spec.groups[axis.groups[0]].kind for axis in axes if name not in copies]
        if len(axes) == 2 and "labels" in kinds and axes[1 - kinds.index("labels")].groups == (group,):
            found.append((name, kinds.index("labels")))
    return tuple(found)
