import pytest

from qgm_observe.training import load_device, load_target


@pytest.fixture(scope="session")
def ideal():
    return load_device("aer", 4)


@pytest.fixture(scope="session")
def manila():
    return load_device("manila", 4)


@pytest.fixture(scope="session")
def fez():
    return load_device("fez", 4)


@pytest.fixture(scope="session")
def bars():
    return load_target("bars-and-stripes")
