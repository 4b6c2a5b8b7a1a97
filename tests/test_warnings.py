"""Warnings are errors here, but for what the compiler says of other people's packages the first time they are read."""

import pytest

ODD = ["'\\d'", "1 is 1", "assert (1, 'x')"]


@pytest.mark.parametrize("source", ODD)
@pytest.mark.parametrize("folder", ["lib/python3.11/site-packages/ot", "python3/dist-packages"])
def test_compiling_other_peoples_packages_is_no_error(source: str, folder: str) -> None:
    compile(source, f"/home/user/.venv/{folder}/utils.py", "exec")


@pytest.mark.parametrize("source", ODD)
def test_compiling_our_own_code_is(source: str) -> None:
    with pytest.raises(SyntaxError):
        compile(source, "/home/user/fedot/fedot/utils.py", "exec")
