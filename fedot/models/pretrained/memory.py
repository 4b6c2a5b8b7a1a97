"""What a decoder reads of a source that was encoded."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Memory:
    """An encoded source: its stream (B, S, d), and which positions may be read, (B, 1, 1, S)."""

    stream: Tensor
    mask: Tensor

    def repeat(self, times: int) -> "Memory":
        """Every row `times` times in a row, as a beam of that width needs it."""
        return Memory(*(each.repeat_interleave(times, 0) for each in (self.stream, self.mask)))
