"""``python -m fedot.fuse A B -o OUT``: fuse model files without a federation.

`fedot.fuse` is also the name of a function, which importing this module would hide: so the module can be called,
and does then what the function does.
"""

import sys
from types import ModuleType
from typing import Any

from fedot.from_disk.cli import main

__all__ = ["main"]


class _Callable(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from fedot.fusion import fuse

        return fuse(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable

if __name__ == "__main__":
    main()
