"""One address cannot be any number of people."""

from studio.api.newcomers import Newcomers


def test_an_address_is_so_many_people_in_an_hour_and_more_in_the_next() -> None:
    now = 0.0
    newcomers = Newcomers(limit=3, per_seconds=60, clock=lambda: now)
    assert [newcomers.admits("198.51.100.1") for _ in range(5)] == [True, True, True, False, False]
    assert newcomers.admits("198.51.100.2")
    now = 61.0
    assert newcomers.admits("198.51.100.1")


def test_what_is_remembered_is_bounded() -> None:
    newcomers = Newcomers(limit=1)
    for number in range(10_500):
        newcomers.admits(str(number))
    assert len(newcomers._admitted) == 10_000
